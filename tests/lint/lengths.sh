#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A function has at most 70 lines, a C file at most 800, a line at most 100 columns. There is no list of exceptions.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
mapfile -t files < <(git ls-files --cached --others --exclude-standard -- 'connectors/*.[ch]' 'tests/*.[ch]' \
    'bench/*.[ch]' 'examples/*.[ch]')
# clang-format puts a function's braces into the first column, alone.
awk '
    FNR == 1 { if (lines > 800) report(last, "file", lines); last = FILENAME }
    { lines = FNR; name = FILENAME }
    /^[a-zA-Z_].*\(/ { head = $0 }
    /^{/ { opened = FNR; function_head = head }
    /^}/ && opened {
        if (FNR - opened - 1 > 70) {
            printf "%s:%d: function of %d lines (at most 70): %s\n", FILENAME, opened, FNR - opened - 1, function_head
            bad = 1
        }
        opened = 0
    }
    { text = $0; gsub(/[\200-\277]/, "", text) } # mawk counts bytes
    length(text) > 100 && !/https?:/ { printf "%s:%d: line of %d columns (at most 100)\n", FILENAME, FNR, length(text); bad = 1 }
    function report(file, what, n) { printf "%s: %s of %d lines (at most 800)\n", file, what, n; bad = 1 }
    END { if (lines > 800) report(name, "file", lines); exit bad }
' "${files[@]}"
echo "ok - lengths of ${#files[@]} files"
