#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every shell script passes shellcheck: those named *.sh, and those that start with a bash line.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
scripts=()
while IFS= read -r file; do
    [[ -f $file ]] || continue
    if [[ $file == *.sh ]] || { [[ ${file##*/} != *.* ]] && head -n 1 "$file" | grep -q '^#!.*bash'; }; then
        scripts+=("$file")
    fi
done < <(git ls-files --cached --others --exclude-standard)
shellcheck -x "${scripts[@]}"
echo "ok - ${#scripts[@]} scripts pass shellcheck"
