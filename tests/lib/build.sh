# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Configures and builds a preset; the compiler's output is shown when it fails.

# build_preset <preset> [list of programs [pattern]]: everything, or millrace and
# the programs of a list that the configuration has written, as far as they match.
build_preset() {
    local preset=$1 log=$ROOT/build/$1.log started
    started=$(now_ms)
    mkdir -p "$ROOT/build"
    if configure_and_build "$@" >"$log" 2>&1; then
        tick "built $preset $DIM($(seconds_since "$started"))$PLAIN"
        return
    fi
    warn "the build of $preset failed; all of its output: build/$preset.log"
    { grep -E -A5 '(error|Error)[: ]|undefined reference' "$log" || tail -n 30 "$log"; } |
        grep -vE '^/usr/bin/|^\[[0-9]+/' | cut -c1-300 | awk '!seen[$0]++' | head -n 40 >&2 || true
    return 1
}

configure_and_build() (
    local targets=(all)
    cd "$ROOT" && cmake --preset "$1" || exit
    if (($# > 1)); then
        mapfile -t targets < <(sed 's#.*/##' "build/$1/$2" | grep -E "${3:-.}" || true)
        targets+=(millrace)
    fi
    cmake --build --preset "$1" --target "${targets[@]}"
)
