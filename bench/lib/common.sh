# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What all cases share: building, servers, results, tables. Sourced by bench/run.

RESULTS=/dev/null
TOPICS=()   # to be deleted at the end

die() {
    printf 'bench: %s\n' "$*" >&2
    exit 1
}

say() { printf 'bench: %s\n' "$*" >&2; }

prepare() {
    local tool
    for tool in jq psql cmake; do
        command -v "$tool" >/dev/null || die "$tool is missing; docker/stack up installs it"
    done
    say "building"
    (cd "$ROOT" && cmake --preset bench && cmake --build --preset bench) >"$BUILD.log" 2>&1 ||
        die "the build failed; see build/bench.log"
    mkdir -p "$DATA" "$OUT"
    eval "$("$ROOT/docker/stack" env 2>/dev/null)" || true
    if [[ -z ${DATABASE_URL:-} ]] || ! psql "$DATABASE_URL" -Atqc 'SELECT 1' >/dev/null 2>&1; then
        "$ROOT/docker/stack" up >&2
        eval "$("$ROOT/docker/stack" env)"
    fi
    "$PROGRAMS/bench_trips" schema >"$DATA/trip.avsc"
    sql "CREATE SCHEMA IF NOT EXISTS bench"
}

# Drops what the cases made on the servers.
clean() {
    local topic
    for topic in "${TOPICS[@]}"; do
        "$PROGRAMS/bench_kafka_loop" "$KAFKA_BOOTSTRAP_SERVERS" "$topic" delete || true
    done
    TOPICS=()
    clean_mongo || true
    [[ -z ${DATABASE_URL:-} ]] || sql "DROP SCHEMA IF EXISTS bench CASCADE" || true
}

sql() { psql "$DATABASE_URL" -XAtq -v ON_ERROR_STOP=1 -c "SET client_min_messages = error" -c "$1"; }

# A name that no run has used before.
unique() { printf '%s-%s' "$1" "$(date -u +%y%m%d%H%M%S%3N)"; }

# --- Results: bench/results/<case>.jsonl, the machine first

open_results() {
    RESULTS=$OUT/${1//-/_}.jsonl
    say "$1"
    jq -cn --arg case "$1" --arg date "$(date -u +%FT%TZ)" --arg commit "$(commit)" \
        --arg cpu "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)" --arg cores "$(nproc)" \
        --arg memory "$(sed -n 's/^MemTotal: *//p' /proc/meminfo)" --arg kernel "$(uname -r)" \
        --arg postgres "$(sql 'SHOW server_version')" \
        '{run: $case, date: $date, commit: $commit, cpu: $cpu, cores: ($cores | tonumber), memory: $memory,
          kernel: $kernel, postgres: $postgres}' >"$RESULTS"
}

commit() {
    git -C "$ROOT" rev-parse --short HEAD 2>/dev/null || echo unknown
}

keep() { tee -a "$RESULTS" >&2; }

# launch CASE WHO ROUND COMMAND...: measured and kept. Records per second: of the loop's own seconds
# for a hand-written loop, else from process start to exit.
launch() {
    local line
    line=$("$PROGRAMS/bench_launch" "$1" "$2" "$3" "${LAUNCH_URL:--}" "${@:4}" 2>"$DATA/stderr") || {
        cat "$DATA/stderr" >&2
        die "$1 $2 failed: $line"
    }
    jq -c --argjson records "$RECORDS" '
        (.output.loop_seconds // .seconds) as $s
        | .records = $records | .records_per_s = ($records / $s | round)
        | .cpu_s_per_million = (.cpu_s * 1e6 / $records * 1000 | round / 1000)' <<<"$line" | keep
}

# ours CASE WHO ROUND PIPELINE: one run to the end.
ours() { launch "$1" "$2" "$3" "$BUILD/millrace" run "$4" --once --json --progress never; }

# in_turn ROUND A B: A then B, or B then A in every other round.
in_turn() {
    if (($1 % 2)); then
        "$2" "$1"
        "$3" "$1"
    else
        "$3" "$1"
        "$2" "$1"
    fi
}

# Medians by who, and the median of the ratios ours / reference of each round.
print_table() {
    printf '\n== %s\n' "$1"
    jq -rs -f "$BENCH/lib/table.jq" "$OUT/${1//-/_}.jsonl"
}
