#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# docs/reference and docs/man are what `millrace generate` writes; so no option is undocumented or documented wrongly.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${MILLRACE:?set MILLRACE to the millrace binary}"
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
"$MILLRACE" generate "$fresh"
stale=0
for part in reference man; do
    diff -ru "docs/$part" "$fresh/$part" || stale=1
done
if [[ $stale -ne 0 ]]; then
    echo "docs/reference or docs/man is stale: run 'millrace generate docs' and commit what it writes" >&2
    exit 1
fi
echo "ok - docs/reference and docs/man are what the tables say"
