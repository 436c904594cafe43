# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What belongs to which suite, what it needs, and how it is run.

export CMOCKA_MESSAGE_OUTPUT=TAP
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:${ASAN_OPTIONS:-}
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:${UBSAN_OPTIONS:-}
export LSAN_OPTIONS=suppressions=$ROOT/tests/lib/lsan.supp:print_suppressions=0:${LSAN_OPTIONS:-}
export TSAN_OPTIONS=suppressions=$ROOT/tests/lib/tsan.supp:halt_on_error=1:second_deadlock_stack=1:${TSAN_OPTIONS:-}

SERVERS=(postgres kafka mongod)
MORE_SERVERS=(registry) # for the suites without crashes

# Rooms with threads in them.
TSAN_ROOMS='^unit_(base|kafka|runtime|sources|sinks)_'

install_for_suites() {
    local packages=()
    ! wants lint || packages+=("${PACKAGES_LINT[@]}")
    ! wants unit contract integration e2e fault || packages+=("${PACKAGES_PYTHON[@]}")
    ! wants lint unit tsan contract integration e2e fault || packages+=("${PACKAGES_BUILD[@]}" "${PACKAGES_TEST[@]}")
    ! wants integration e2e fault || packages+=("${PACKAGES_CLIENTS[@]}")
    ! wants integration || packages+=("${PACKAGES_PACKAGE[@]}" "${PACKAGES_POSTGRES_TEST[@]}")
    ! wants fuzz || packages+=("${PACKAGES_BUILD[@]}" "${PACKAGES_FUZZ[@]}")
    packages_ensure "the tests" "${packages[@]}"
    ! wants unit contract integration e2e fault || python_ready
}

# A suite whose build fails has failed; the others go on.
build_for_suites() {
    if wants unit contract integration e2e fault; then
        build_preset asan || build_failed asan
    elif wants lint; then
        build_preset asan tests/unit.list '^$' || build_failed asan
    fi
    ! wants tsan || { build_preset tsan tests/unit.list "$TSAN_ROOMS" && build_tsan_threads; } || build_failed tsan
    ! wants fuzz || build_preset fuzz fuzz.list || build_failed fuzz
}

TSAN_THREADS=$ROOT/build/tsan/libtsan_threads.so
build_tsan_threads() {
    cc -std=c11 -D_GNU_SOURCE -O1 -g -shared -fPIC -o "$TSAN_THREADS" "$ROOT/tests/lib/tsan_threads.c"
}

build_failed() {
    printf '%sFAIL%s build/%s\n' "$RED" "$PLAIN" "$1"
    echo "0 1 0" >"$RESULTS/build-$1.count"
    rm -f "$ROOT/build/$1"/tests/*.list "$ROOT/build/$1/fuzz.list"
}

# The servers come up while the compiler works.
STACK_JOB=
STACK_STARTED=()
stack_start_in_background() {
    local server
    wants integration e2e || return 0
    for server in "${SERVERS[@]}" "${MORE_SERVERS[@]}"; do
        "$ROOT/docker/stack" status "$server" >/dev/null 2>&1 || STACK_STARTED+=("$server")
    done
    ((${#STACK_STARTED[@]} > 0)) || return 0
    "$ROOT/docker/stack" up "${STACK_STARTED[@]}" &
    STACK_JOB=$!
}

stack_wait() {
    wants integration e2e || return 0
    if [[ -n $STACK_JOB ]] && ! wait "$STACK_JOB"; then
        [[ $CI != true ]] || die "the servers did not start" "docker/stack logs"
        warn "the servers did not start: tests that need them are skipped"
    fi
    eval "$("$ROOT/docker/stack" env 2>/dev/null)"
}

# Only what this run has started is stopped.
stack_put_back() {
    ((${#STACK_STARTED[@]} == 0)) || "$ROOT/docker/stack" down "${STACK_STARTED[@]}" >/dev/null ||
        warn "docker/stack down failed"
    STACK_STARTED=()
}

queue_suites() {
    local suite
    for suite in "${ALL_SUITES[@]}"; do
        ! wants "$suite" || "queue_$suite"
    done
}

queue_lint() {
    local script
    for script in "$ROOT"/tests/lint/*.sh; do
        queue run_test 300 "lint/$(basename "$script" .sh)" env "MILLRACE=$ROOT/build/asan/millrace" "$script"
    done
}

# queue_programs <suite> <preset> <list> [pattern [wrapper...]]
queue_programs() {
    local program list=$ROOT/build/$2/tests/$3.list pattern=${4:-.}
    [[ -f $list ]] || return 0
    while read -r program; do
        [[ -n $program && ${program##*/} =~ $pattern ]] || continue
        queue run_test 300 "$1/${program##*/"$3"_}" "${@:5}" "$program"
    done <"$list"
}

queue_unit() { queue_programs unit asan unit; }
queue_tsan() { queue_programs tsan tsan unit "$TSAN_ROOMS" env LD_PRELOAD="$TSAN_THREADS"; }
queue_contract() { queue_programs contract asan contract; }

# run_scenario <suite> <preset> <folder>
run_scenario() {
    local limit=900
    ((FULL == 0)) || limit=5400
    MILLRACE=$ROOT/build/$2/millrace MILLRACE_BUILD=$ROOT/build/$2 MILLRACE_ROOT=$ROOT MILLRACE_FULL=$FULL \
        STACK=$ROOT/docker/stack run_test "$limit" "$1/${3##*/}" bash "$3/run.sh"
}

queue_scenarios() {
    local script
    for script in "$ROOT/tests/$1"/*/run.sh; do
        [[ ! -f $script ]] || queue run_scenario "$1" asan "${script%/run.sh}"
    done
}

queue_integration() {
    queue_programs integration asan integration
    queue_scenarios integration
}
queue_e2e() { queue_scenarios e2e; }

# The fault tests kill servers, so they have a stack of their own, and they run
# one after the other: as one item of the queue, beside the other suites.
queue_fault() { queue run_fault_suite; }

run_fault_suite() (
    local script scripts=()
    for script in "$ROOT"/tests/fault/*/run.sh; do
        [[ -f $script ]] && matches_only "fault/$(basename "${script%/run.sh}")" && scripts+=("$script")
    done
    ((${#scripts[@]} > 0)) || return 0
    unset DATABASE_URL KAFKA_BOOTSTRAP_SERVERS MONGODB_URI
    export MILLRACE_STACK_DIR=$ROOT/.stack/fault
    "$ROOT/docker/stack" reset >/dev/null 2>&1
    trap '"$ROOT/docker/stack" reset >/dev/null 2>&1' EXIT
    "$ROOT/docker/stack" up "${SERVERS[@]}" >"$OUTPUT/fault-stack" 2>&1 ||
        { result_record fault/stack "$OUTPUT/fault-stack" 1 0 && return; }
    for script in "${scripts[@]}"; do
        "$ROOT/docker/stack" up "${SERVERS[@]}" >"$OUTPUT/fault-stack" 2>&1 || true
        eval "$("$ROOT/docker/stack" env "${SERVERS[@]}")"
        run_scenario fault asan "${script%/run.sh}"
        unset DATABASE_URL KAFKA_BOOTSTRAP_SERVERS MONGODB_URI
    done
    rm -f "$OUTPUT/fault-stack"
)

# New inputs go to a folder beside the build; the kept corpus is only read.
queue_fuzz() {
    local program name list=$ROOT/build/fuzz/fuzz.list
    [[ -f $list ]] || return 0
    while read -r program; do
        [[ -n $program ]] || continue
        name=${program##*/fuzz_}
        queue run_fuzzer "$name" "$program"
    done <"$list"
}

run_fuzzer() {
    local name=$1 program=$2 seconds=30 found=$ROOT/build/fuzz/found/$1
    ((FULL == 0)) || seconds=600
    mkdir -p "$found" "$ROOT/build/fuzz/crashes"
    local corpus=("$found")
    [[ ! -d $ROOT/tests/fuzz/corpus/$name ]] || corpus+=("$ROOT/tests/fuzz/corpus/$name")
    run_test $((seconds + 120)) "fuzz/$name" "$program" "-max_total_time=$seconds" -error_exitcode=1 -timeout=10 \
        -rss_limit_mb=1024 -print_final_stats=1 "-artifact_prefix=$ROOT/build/fuzz/crashes/$name-" "${corpus[@]}"
}
