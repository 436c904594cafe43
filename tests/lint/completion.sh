#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The completion script for bash is one that bash takes, and it completes verbs, flags and values; those for zsh and
# fish are parsed where these shells are installed.
set -euo pipefail
: "${MILLRACE:?set MILLRACE to the millrace binary}"
scripts=$(mktemp -d)
trap 'rm -rf "$scripts"' EXIT
for shell in bash zsh fish; do
    "$MILLRACE" completion "$shell" >"$scripts/$shell"
    if command -v "$shell" >/dev/null; then
        "$shell" -n "$scripts/$shell"
    fi
done
# shellcheck disable=SC1091  # made above
source "$scripts/bash"
complete_words() { # words so far, the last one is being typed -> candidates, sorted
    COMP_WORDS=(millrace "$@")
    COMP_CWORD=$#
    _millrace
    printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd ' '
}
expect() { # wanted, words so far
    local got
    got=$(complete_words "${@:2}")
    if [[ $got != "$1" ]]; then
        echo "completing 'millrace ${*:2}': got '$got', wanted '$1'" >&2
        exit 1
    fi
}
expect "completion" comp
expect "postgres" postg
expect "--insert-mode" postgres --insert-m
expect "auto insert upsert" sink postgres --insert-mode ""
expect "false true" postgres --auto-create ""
expect "--log-format --log-level" run pipeline.json --log
expect "debug" run --log-level d
expect "bash fish zsh" completion ""
echo "ok - completion"
