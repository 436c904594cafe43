#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# docs/reference, docs/man and the table of PostgreSQL's types in docs/types.md are what `millrace generate` writes; so nothing of
# it is undocumented or documented wrongly.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${MILLRACE:?set MILLRACE to the millrace binary}"
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
cp docs/types.md "$fresh"
"$MILLRACE" generate "$fresh"
stale=0
for part in reference man types.md; do
    diff -ru "docs/$part" "$fresh/$part" || stale=1
done
if [[ $stale -ne 0 ]]; then
    echo "docs/reference, docs/man or docs/types.md is stale: run 'millrace generate docs' and commit what it writes" >&2
    exit 1
fi
echo "ok - docs/reference, docs/man and the table in docs/types.md are what the tables say"
