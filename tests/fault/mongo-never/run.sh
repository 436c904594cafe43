#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The same as mongo-kill9 without a snapshot: from the first write of the collection on.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kills=15
[[ ${MILLRACE_FULL:-0} == 0 ]] || kills=200
exec "$MILLRACE_PYTHON" "$here/../lib/mongo_crashes.py" --kills "$kills" --pause 1.5 --snapshot never \
    --victims source,sink,stepdown
