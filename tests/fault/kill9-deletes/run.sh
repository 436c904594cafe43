#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of source and sink processes while rows come, go and come again; 200 of them with --full.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kills=20
[[ ${MILLRACE_FULL:-0} == 0 ]] || kills=200
exec python3 "$here/../lib/delete_crashes.py" --kills "$kills"
