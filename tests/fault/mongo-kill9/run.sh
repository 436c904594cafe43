#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Collection -> Kafka -> collection, with a snapshot: kill -9 of source and sink, step-downs of the primary, processes
# that are suspended; 200 of them with --full.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kills=20
[[ ${MILLRACE_FULL:-0} == 0 ]] || kills=200
exec "$MILLRACE_PYTHON" "$here/../lib/mongo_crashes.py" --kills "$kills" --pause 1.5 --snapshot initial --before 3000 \
    --victims source,source,sink,sink,stepdown,stepdown,source-zombie,sink-zombie
