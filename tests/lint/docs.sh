#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The documentation names what is there: links, paths, options and flags exist, and the pipelines shown are accepted.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${MILLRACE:?set MILLRACE to the millrace binary}"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mapfile -t pages < <(git ls-files --cached --others --exclude-standard -- '*.md')
bad=0

complain() {
    echo "$1: $2"
    bad=1
}

# quoted <page> <regular expression>: the `words` of a page that match as a whole.
quoted() { grep -oE "\`[^\` ]+\`" "$1" | tr -d '`' | grep -xE "$2" | sort -u || true; }

# Links to places in the tree.
for page in "${pages[@]}"; do
    while read -r link; do
        [[ -e $(dirname "$page")/${link%%#*} ]] || complain "$page" "the link to $link leads nowhere"
    done < <(grep -oE '\]\([^)#][^)]*\)' "$page" | sed -E 's/^..(.*).$/\1/' | grep -vE '^[a-z]+:' | sort -u || true)
done

# Paths: seen from the root, from connectors/ as the code includes them, or from the page's own folder.
for page in "${pages[@]}"; do
    while read -r path; do
        [[ -e $path || -e connectors/$path || -e $(dirname "$page")/$path ]] || git check-ignore -q "$path" ||
            complain "$page" "there is no $path"
    done < <(quoted "$page" '[a-z][A-Za-z0-9_.-]*(/[A-Za-z0-9_.-]+)*(/|\.(c|h|md|sh|json|sql|cmake|txt))')
done

# Options, log events, headers, Kafka's properties: an option of the tables, or at least a word that the code says.
"$MILLRACE" describe --json | jq -r '.. | objects | .properties? // empty | keys[]' | sort -u >"$scratch/options"
for page in "${pages[@]}"; do
    while read -r name; do
        grep -qxF "$name" "$scratch/options" || git grep -qwF "$name" -- connectors sql ||
            complain "$page" "$name is no option, and no word of the code"
    done < <(quoted "$page" '[a-z]+(\.[a-z]+)+' | grep -vE '\.(c|h|md|sh|json|jsonl|csv|sql|cmake|txt)$' || true)
done

# Flags, where a line shows how to call the program.
"$MILLRACE" completion bash | grep -oE -- '--[a-z][a-z-]*' | sort -u >"$scratch/flags"
for page in "${pages[@]}"; do
    while read -r flag; do
        grep -qxF -- "$flag" "$scratch/flags" || complain "$page" "millrace has no $flag"
    done < <(grep -hE '^([^ ]*/)?millrace (run|check|file|postgres|tap|list|describe|generate|completion|version) ' "$page" |
        sed 's/ #.*//; s/ | .*//' | grep -oE -- ' --[a-z][a-z-]*' | tr -d ' ' | sort -u || true)
done

# Pipelines that stand in a page as a whole.
for page in "${pages[@]}"; do
    rm -f "$scratch"/*.block
    awk -v folder="$scratch" '
        /^```json$/ { file = folder "/" ++n ".block"; next }
        /^```/ { file = "" }
        file { print >file }' "$page"
    for block in "$scratch"/*.block; do
        [[ -f $block && $(head -c 1 "$block") == "{" ]] || continue
        grep -qE '"(sources|sinks)"' "$block" || continue
        DATABASE_URL=postgresql://localhost/x "$MILLRACE" check "$block" >"$scratch/out" 2>&1 ||
            complain "$page" "a pipeline shown is not accepted: $(<"$scratch/out")"
        echo "$page" >>"$scratch/checked"
    done
done
grep -q README.md "$scratch/checked" || complain README.md "it shows no pipeline"

((bad == 0)) || { echo "not ok - the documentation names what is there" && exit 1; }
echo "ok - ${#pages[@]} pages name what is there"
