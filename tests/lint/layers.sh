#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Which folder may see which foreign library. Our own layers are kept apart by the build's include paths; the
# headers of libraries are visible to all, so that rule is checked here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
bad=0

# only <header, as a regular expression> <folder or file...>
only() {
    local header=$1 places=() place found
    shift
    for place in "$@"; do places+=(":(exclude)connectors/$place"); done
    found=$(git grep --untracked -nE "#include <$header>" -- connectors "${places[@]}" || true)
    [[ -n $found ]] || return 0
    printf '%s\n    only %s may include this\n' "$found" "$*"
    bad=1
}

only 'librdkafka/.*' kafka
only 'libpq-fe.h|postgres_ext.h|libpq/.*' sinks/postgres
only '(mongoc|bson)/.*' mongo sources/mongodb sinks/mongodb
only 'sqlite3.h' transform
only 'curl/.*|microhttpd.h' net
[[ $(git grep --untracked -lE '#include <avro(\.h|/.*)>' -- connectors | wc -l) -le 1 ]] ||
    { echo "avro-c is included in more than one file of connectors" && bad=1; }

# A line comment, a missing licence line.
while IFS= read -r file; do
    [[ $(head -n 1 "$file") == "/* SPDX-License-Identifier: Apache-2.0 */" ]] ||
        { echo "$file: the first line is not the SPDX line" && bad=1; }
done < <(git ls-files --cached --others --exclude-standard -- 'connectors/*.[ch]' 'tests/*.[ch]')
found=$(git grep --untracked -nE '^[[:space:]]*//' -- 'connectors/*.[ch]' 'tests/*.[ch]' || true)
[[ -z $found ]] || { printf '%s\n    comments are /* */\n' "$found" && bad=1; }

((bad == 0)) || { echo "not ok - layers, licence lines, comments" && exit 1; }
echo "ok - layers, licence lines, comments"
