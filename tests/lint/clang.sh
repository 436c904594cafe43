#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# clang 14 compiles every C file without a warning (the other suites build with gcc), and clang-tidy has nothing to say
# about connectors/. The checks, and why some are off: .clang-tidy.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cmake --preset clang -DMR_BENCH=ON >build/clang.log 2>&1 || { cat build/clang.log && exit 1; }
cmake --build build/clang --target generated >>build/clang.log 2>&1 || { cat build/clang.log && exit 1; }
commands=build/clang/compile_commands.json

# What the compiler finds in connectors/, clang-tidy says as well.
if ! jq -r '.[] | select(.file | test("/connectors/") | not) | .command' "$commands" |
    sed -E 's# -o [^ ]+ -c # -fsyntax-only #' | tr '\n' '\0' | xargs -0 -P "$(nproc)" -n 1 sh -c; then
    echo "not ok - clang compiles tests and benchmarks without a warning"
    exit 1
fi
if ! git ls-files --cached --others --exclude-standard -- 'connectors/*.c' |
    xargs -P "$(nproc)" -n 8 clang-tidy-14 --quiet -p build/clang 2>build/clang-tidy.log; then
    grep -v 'warnings .*generated\|Suppressed\|Use -header-filter' build/clang-tidy.log || true
    echo "not ok - clang-tidy finds nothing in connectors/"
    exit 1
fi
echo "ok - clang and clang-tidy find nothing"
