#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What is made of the tables of verbs and options (completion, JSON Schema, help) is good for its purpose. That the
# reference is fresh is for tests/lint/reference.sh.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"

for shell in bash zsh fish; do
    run_ok "completion for $shell is printed" "$MILLRACE" completion "$shell"
    cp "$TMP/out" "$TMP/complete.$shell"
    ! command -v "$shell" >/dev/null || run_ok "$shell takes it" "$shell" -n "$TMP/complete.$shell"
done

# shellcheck disable=SC1091  # made above
source "$TMP/complete.bash"
completes() { # wanted, words so far; the last one is being typed
    local found
    COMP_WORDS=(millrace "${@:2}")
    COMP_CWORD=$(($# - 1))
    _millrace
    found=$(printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd ' ')
    equal "completion of: ${*:2}" "$1" "$found"
}
completes "completion" comp
completes "postgres" postg
completes "--insert-mode" postgres --insert-m
completes "auto insert update upsert" sink postgres --insert-mode ""
completes "false true" postgres --auto-create ""
completes "--log-format --log-level" run pipeline.json --log
completes "debug" run --log-level d
completes "bash fish zsh" completion ""
completes "file mongodb" source ""
completes "mongodb postgres" sink ""
completes "file mongodb postgres" describe ""
completes "--write-mode" sink mongodb --write-m
completes "--snapshot-mode" source mongodb --snapshot-m
completes "auto off on" sink mongodb --transactions ""
completes "file" fil

"$MILLRACE" describe --json >"$TMP/schema.json"
run_ok "the JSON Schema names every option of every connector" "$MILLRACE_PYTHON" - "$TMP/schema.json" <<'PYTHON'
import json, sys
schema = json.load(open(sys.argv[1]))
postgres = schema["$defs"]["sink-postgres"]["properties"]
assert postgres["connection.url"]["writeOnly"] is True
assert postgres["insert.mode"]["anyOf"][0]["enum"] == ["auto", "insert", "upsert", "update"]
assert postgres["batch.size"]["anyOf"][0]["minimum"] == 1
assert "table" in postgres["routes"]["items"]["properties"]
assert schema["$defs"]["source-file"]["required"] == ["connector", "topic", "path"], schema["$defs"]["source-file"]
assert schema["$defs"]["source-file"]["additionalProperties"] is False
PYTHON

for verb in $("$MILLRACE" help | awk '/^Verbs/ {on = 1; next} /^$/ {on = 0} on {print $1}'); do
    run_ok "millrace $verb --help" "$MILLRACE" "$verb" --help
    contains "and it shows the usage" "$(<"$TMP/out")" "Usage"
done
for connector in file postgres; do
    run_ok "millrace $connector --help" "$MILLRACE" "$connector" --help
    contains "and it names a variable" "$(<"$TMP/out")" "MILLRACE_${connector^^}_"
    cp "$TMP/out" "$TMP/help"
    run_fails "no colour where there is no terminal" 1 "" grep $'\033' "$TMP/help"
done
scenario_end
