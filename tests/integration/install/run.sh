#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts into a prefix: the program runs there, the manual and the completions are what the program
# says, and the documentation's example is one that the installed program accepts.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
prefix=$TMP/prefix
millrace=$prefix/bin/millrace
share=$prefix/share

run_ok "it installs" cmake --install "$MILLRACE_BUILD" --prefix "$prefix"
run_ok "the installed program runs" "$millrace" version
equal "the program looks for no library in a build folder" "" \
    "$(LC_ALL=C readelf -d "$millrace" | grep -E 'RPATH|RUNPATH' || true)"

for page in "$MILLRACE_ROOT"/docs/man/*.1; do
    run_ok "the manual has ${page##*/}" cmp "$page" "$share/man/man1/${page##*/}"
done

completion_is() { "$millrace" completion "$1" | cmp - "$share/$2"; }
run_ok "bash completes" completion_is bash bash-completion/completions/millrace
run_ok "zsh completes" completion_is zsh zsh/site-functions/_millrace
run_ok "fish completes" completion_is fish fish/vendor_completions.d/millrace.fish
# shellcheck disable=SC1090 # the file under test
bash_takes() (source "$1" && complete -p millrace)
run_ok "bash takes its completion" bash_takes "$share/bash-completion/completions/millrace"

doc=$share/doc/millrace
run_ok "the license is there" cmp "$MILLRACE_ROOT/LICENSE" "$doc/LICENSE"
for page in README.md docs/operations.md docs/reference/postgres.md; do
    run_ok "the documentation has $page" test -s "$doc/$page"
done
run_ok "the installed example is a pipeline" env KAFKA_BOOTSTRAP_SERVERS=localhost:9092 \
    DATABASE_URL=postgresql://localhost/trips "$millrace" check "$doc/examples/trip-analytics/pipeline.json"
equal "nothing is installed that others may change" "" "$(find "$prefix" -perm /022 ! -type l)"
scenario_end
