# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Python for the tests: a venv in .stack with what tests/requirements.txt pins.
# Tests take it from MILLRACE_PYTHON.

python_ready() {
    local venv=$ROOT/.stack/venv wanted
    export MILLRACE_PYTHON=$venv/bin/python3
    wanted=$(sha256sum <"$ROOT/tests/requirements.txt")
    [[ $(cat "$venv/installed" 2>/dev/null) != "$wanted" ]] || return 0
    {
        rm -rf "$venv"
        python3 -m venv "$venv" &&
            "$venv/bin/pip" install -q --disable-pip-version-check --require-hashes -r "$ROOT/tests/requirements.txt"
    } >"$LOGS/python.log" 2>&1 || die "Python's packages for the tests were not installed" "its output: $LOGS/python.log"
    echo "$wanted" >"$venv/installed"
    tick "installed Python's packages for the tests"
}
