#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of the broker, of the database, and of both, in the middle of a run.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kills=4
[[ ${MILLRACE_FULL:-0} == 0 ]] || kills=20
exec python3 "$here/../lib/crashes.py" --kills "$kills" --victims kafka,postgres,both --pause 3 --settle 180
