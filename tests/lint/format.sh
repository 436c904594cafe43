#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every C file is formatted as .clang-format says (clang-format 14).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
mapfile -t files < <(git ls-files --cached --others --exclude-standard -- '*.c' '*.h')
if ! clang-format-14 --dry-run -Werror "${files[@]}"; then
    echo "not ok - C files are formatted; to mend them: clang-format-14 -i <file>"
    exit 1
fi
echo "ok - C files are formatted"
