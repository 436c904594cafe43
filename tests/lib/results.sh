# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Counting. Every test writes TAP lines: cmocka when CMOCKA_MESSAGE_OUTPUT=TAP,
# and the scenarios in shell by themselves. "ok ..." and "not ok ..." are counted
# one by one; a test without any such line counts as one, by its exit code.
#
# Three ways for a test to look better than it is are closed: an exit code other
# than 0 without a "not ok" (a crash, a leak found at exit) is a failure; so are
# fewer results than the plan "1..N" promised; and, with CI=true, each skip.

results_open() {
    RESULTS=$(mktemp -d "${TMPDIR:-/tmp}/millrace-tests.XXXXXX")
    OUTPUT=$ROOT/build/test-output
    rm -rf "$OUTPUT"
    mkdir -p "$OUTPUT"
    STARTED=$(now_ms)
}

results_close() { rm -rf "$RESULTS"; }

# count_tap <output file> <exit code>: "passed failed skipped".
count_tap() {
    awk -v code="$2" -v ci="$CI" '
        /^(not )?ok .*# *[Ss][Kk][Ii][Pp]/ { skipped++; next }
        /^ok( |$)/ { passed++ }
        /^not ok( |$)/ { failed++ }
        /^1\.\.[0-9]+/ { planned += substr($1, 4) }
        END {
            seen = passed + failed + skipped
            if (seen == 0 && planned == 0) {
                if (code == 0) passed = 1
                else if (code == 77) skipped = 1
                else failed = 1
            } else if (failed == 0 && ((code != 0 && code != 77) || seen < planned)) {
                failed++
            }
            if (ci == "true") { failed += skipped; skipped = 0 }
            print passed + 0, failed + 0, skipped + 0
        }' "$1"
}

# result_record <suite/name> <output file> <exit code> <ms>: counts and prints the line.
result_record() {
    local name=$1 file=$2 code=$3 ms=$4 passed failed skipped word color detail
    read -r passed failed skipped < <(count_tap "$file" "$code")
    echo "$passed $failed $skipped" >"$RESULTS/$(mktemp -u XXXXXXXXXX).count"
    word=ok color=$GREEN
    if ((failed > 0)); then
        word=FAIL color=$RED
    elif ((passed == 0)); then
        word=skip color=$DIM
    fi
    detail="$passed passed"
    ((failed == 0)) || detail+=", $failed failed"
    ((skipped == 0)) || detail+=", $skipped skipped"
    printf '%s%-4s%s %-52s %6d.%02d s  %s%s%s\n' "$color" "$word" "$PLAIN" "$name" \
        $((ms / 1000)) $((ms % 1000 / 10)) "$DIM" "$detail" "$PLAIN" >"$file.line"
    if ((failed > 0)); then
        result_explain "$name" "$file" "$code" >>"$file.line"
    elif ((skipped > 0)); then
        grep -iE '# *skip' "$file" | head -n 5 | sed 's/^/       /' >>"$file.line" || true
    fi
    cat "$file.line"
    rm -f "$file.line"
    ((failed > 0)) || rm -f "$file"
}

# What was not ok first, then the end of the output, where a crash would show.
result_explain() {
    local name=$1 file=$2 code=$3
    case $code in
        0 | 1) ;;
        77) echo "       skipped, which is a failure when CI=true" ;;
        124) echo "       took too long and was stopped" ;;
        *) echo "       exit code $code" ;;
    esac
    if (($(wc -l <"$file") > 40)); then
        grep -E -A4 '^not ok' "$file" | head -n 40 | sed 's/^/       /' || true
        echo "       --- the end of build/test-output/${file##*/}:"
    fi
    tail -n 40 "$file" | cut -c1-400 | sed 's/^/       /'
}

# The last line is the result; its exit code is ours.
results_print() {
    local passed failed skipped
    read -r passed failed skipped < <(cat "$RESULTS"/*.count 2>/dev/null |
        awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }')
    ((passed + failed + skipped > 0)) || { warn "no test matched" && failed=1; }
    note "$(seconds_since "$STARTED") in all"
    stack_put_back
    if ((skipped > 0)); then
        echo "$passed passed, $failed failed, $skipped skipped"
    else
        echo "$passed passed, $failed failed"
    fi
    ((failed == 0))
}

finish_early() {
    trap - INT TERM
    warn "interrupted"
    kill_tree $$
    wait
    exit 130
}

# kill_tree <pid>: its children and theirs, not itself.
kill_tree() {
    local pid
    for pid in $(children_of "$1"); do
        kill_tree "$pid"
        kill -TERM "$pid" 2>/dev/null || true
    done
}
