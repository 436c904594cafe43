#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of the broker, of mongod, and of both, while a collection is carried into another one.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kills=3
[[ ${MILLRACE_FULL:-0} == 0 ]] || kills=20
exec "$MILLRACE_PYTHON" "$here/../lib/mongo_crashes.py" --kills "$kills" --pause 3 --settle 240 --victims kafka,mongod,both
