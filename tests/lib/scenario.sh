# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# For the scenarios in shell (tests/{integration,e2e,fault}/<name>/run.sh):
#
#     #!/usr/bin/env bash
#     set -euo pipefail
#     source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
#     needs postgres kafka
#     topic=$(unique trips)
#     run_ok "the file is read" "$MILLRACE" file --topic "$topic" ...
#     equal "all rows arrived" 6433 "$(sql "SELECT count(*) FROM $table")"
#     scenario_end
#
# Each check prints one TAP line and the scenario goes on; scenario_end (or an
# unexpected end) gives the exit code. tests/run sets MILLRACE, MILLRACE_BUILD,
# MILLRACE_ROOT, MILLRACE_TEST_TMP, MILLRACE_FULL, MILLRACE_PYTHON and STACK; started by hand,
# a scenario takes the asan build and a folder of its own. Processes started
# with "background" are ended with the scenario.

MILLRACE_ROOT=${MILLRACE_ROOT:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)}
MILLRACE_BUILD=${MILLRACE_BUILD:-$MILLRACE_ROOT/build/asan}
MILLRACE=${MILLRACE:-$MILLRACE_BUILD/millrace}
MILLRACE_FULL=${MILLRACE_FULL:-0}
STACK=${STACK:-$MILLRACE_ROOT/docker/stack}
TMP=${MILLRACE_TEST_TMP:-$(mktemp -d)}
export MILLRACE_ROOT MILLRACE_BUILD MILLRACE MILLRACE_FULL STACK

SCENARIO_FAILED=0
SCENARIO_CHECKS=0
SCENARIO_ENDED=0
BACKGROUND=()

ok() {
    SCENARIO_CHECKS=$((SCENARIO_CHECKS + 1))
    echo "ok - $1"
}

# not_ok <what> [detail...]: each detail becomes an indented comment.
not_ok() {
    local what=$1
    shift
    SCENARIO_CHECKS=$((SCENARIO_CHECKS + 1))
    SCENARIO_FAILED=1
    echo "not ok - $what"
    (($# == 0)) || printf '%s\n' "$@" | sed 's/^/#   /'
}

# skip_all <reason>: the whole scenario; CI counts it as a failure.
skip_all() {
    echo "ok - # SKIP $1"
    SCENARIO_ENDED=1
    exit 77
}

# needs <server...>: postgres, kafka, mongod, registry.
needs() {
    local server
    for server in "$@"; do
        case $server in
            postgres) [[ -n ${DATABASE_URL:-} ]] || skip_all "DATABASE_URL is not set" ;;
            kafka) [[ -n ${KAFKA_BOOTSTRAP_SERVERS:-} ]] || skip_all "KAFKA_BOOTSTRAP_SERVERS is not set" ;;
            mongod) [[ -n ${MONGODB_URI:-} ]] || skip_all "MONGODB_URI is not set" ;;
            registry) [[ -n ${SCHEMA_REGISTRY_URL:-} ]] || skip_all "SCHEMA_REGISTRY_URL is not set" ;;
            *) not_ok "the scenario names a server that exists" "$server" ;;
        esac
    done
}

equal() {
    if [[ $2 == "$3" ]]; then ok "$1"; else not_ok "$1" "expected: $2" "found:    $3"; fi
}

# contains <what> <text> <part>
contains() {
    if [[ $2 == *"$3"* ]]; then ok "$1"; else not_ok "$1" "expected in it: $3" "found: $2"; fi
}

# same_files <what> <expected file> <found file>
same_files() {
    local difference
    if difference=$(diff -u "$2" "$3"); then ok "$1"; else not_ok "$1" "$(head -n 30 <<<"$difference")"; fi
}

# run_ok <what> <command...>: exit code 0; otherwise its output is shown. The output is in $TMP/out.
run_ok() {
    local what=$1 code=0
    shift
    "$@" >"$TMP/out" 2>&1 || code=$?
    if ((code == 0)); then ok "$what"; else not_ok "$what" "exit code $code" "$(tail -n 20 "$TMP/out")"; fi
}

# run_fails <what> <exit code> <part of the message> <command...>
run_fails() {
    local what=$1 wanted=$2 part=$3 code=0
    shift 3
    "$@" >"$TMP/out" 2>&1 || code=$?
    if ((code == wanted)) && [[ $(<"$TMP/out") == *"$part"* ]]; then
        ok "$what"
    else
        not_ok "$what" "expected exit code $wanted and: $part" "found exit code $code and:" "$(tail -n 20 "$TMP/out")"
    fi
}

# unique <word>: a name nobody else uses, for topics, tables and groups.
unique() { echo "${1}_$(od -An -N5 -tx1 /dev/urandom | tr -d ' ')"; }

sql() { psql -XqAt -v ON_ERROR_STOP=1 "$DATABASE_URL" -c "$1"; }

# eventually <seconds> <command...>: polls until it is true.
eventually() {
    local limit=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < limit)) || return 1
        sleep 0.1
    done
}

# background <log file> <command...>: its pid is in $LAST; ended with the scenario.
background() {
    local log=$1
    shift
    "$@" >"$log" 2>&1 &
    LAST=$!
    BACKGROUND+=("$LAST")
}

scenario_end() {
    SCENARIO_ENDED=1
    exit "$SCENARIO_FAILED"
}

scenario_cleanup() {
    local code=$? left
    mapfile -t left < <(jobs -p) # begun without background(), when it ended too soon
    BACKGROUND+=("${left[@]}")
    if ((${#BACKGROUND[@]} > 0)); then
        kill -KILL "${BACKGROUND[@]}" 2>/dev/null || true
        wait "${BACKGROUND[@]}" 2>/dev/null || true
    fi
    ((SCENARIO_ENDED == 1)) || { echo "not ok - the scenario ran to its end (exit code $code)" && exit 1; }
    ((SCENARIO_CHECKS > 0 || code == 77)) || { echo "not ok - the scenario checked something" && exit 1; }
}
trap scenario_cleanup EXIT
