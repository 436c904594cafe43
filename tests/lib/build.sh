# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Configures and builds a preset; the compiler's output is shown when it fails.

# build_preset <preset> [target]
build_preset() {
    local preset=$1 log=$ROOT/build/$1.log started
    shift
    started=$(now_ms)
    mkdir -p "$ROOT/build"
    if (cd "$ROOT" && cmake --preset "$preset" && cmake --build --preset "$preset" "${@/#/--target=}") \
        >"$log" 2>&1; then
        tick "built $preset $DIM($(seconds_since "$started"))$PLAIN"
        return
    fi
    warn "the build of $preset failed; all of its output: build/$preset.log"
    grep -nE -A6 'error|Error|FAILED' "$log" | head -n 60 >&2 || tail -n 30 "$log" >&2
    return 1
}
