#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Processes that are suspended until another has taken over, and then wake up.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kills=4
[[ ${MILLRACE_FULL:-0} == 0 ]] || kills=20
exec python3 "$here/../lib/crashes.py" --kills "$kills" --victims source-zombie,sink-zombie --pause 1.2
