# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs the queued tests, JOBS at a time. Each has a time limit, a fresh folder
# and its own output file; its line is printed when it is done.

QUEUE=()

# queue <function and its arguments, quoted as one word list>
queue() { QUEUE+=("$(printf '%q ' "$@")"); }

# pool_run: starts the next as soon as one ends.
pool_run() {
    local item running=0
    for item in "${QUEUE[@]}"; do
        if ((running >= JOBS)); then
            wait -n || true
            running=$((running - 1))
        fi
        eval "$item" &
        running=$((running + 1))
    done
    wait
}

matches_only() { [[ -z $ONLY || $1 == *"$ONLY"* ]]; }

# run_test <limit in s> <suite/name> <command...>
run_test() {
    local limit=$1 name=$2 file started code=0
    shift 2
    matches_only "$name" || return 0
    file=$OUTPUT/${name//\//.}
    started=$(now_ms)
    # The outer redirection is for what bash says of a crash, which the exit code says, too.
    {
        MILLRACE_TEST_TMP=$(mktemp -d "$RESULTS/tmp.XXXXXX") MILLRACE_TEST_NAME=$name \
            timeout -k 10 "$limit" "$@" >"$file" 2>&1 </dev/null || code=$?
    } 2>/dev/null
    result_record "$name" "$file" "$code" $(($(now_ms) - started))
}
