#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The packages of a release build: what is in them, that Debian's own packages fill their dependencies, that the service
# template is one systemd takes, and that the program from either moves records as the service's user would. In CI, on a
# machine of its own, the .deb is installed and purged for real.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
needs kafka postgres

run_ok "a release is built" bash -c "cmake -S '$MILLRACE_ROOT' -B '$TMP/build' -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DMR_TESTS=OFF && cmake --build '$TMP/build'"
run_ok "it is packed" cpack --config "$TMP/build/CPackConfig.cmake" -B "$TMP/packages"
deb=$(echo "$TMP"/packages/*.deb)
tgz=$(echo "$TMP"/packages/*.tar.gz)
run_ok "the checksums are right" bash -c "cd '$TMP/packages' && sha256sum -c ./*.sha256"

mkdir "$TMP/deb" "$TMP/tgz"
run_ok "the .deb unpacks" dpkg-deb -x "$deb" "$TMP/deb"
run_ok "the .tar.gz unpacks" tar -xzf "$tgz" -C "$TMP/tgz" --strip-components=1
same_files "both hold the same files" <(cd "$TMP/deb/usr" && find . -type f | sort) \
    <(cd "$TMP/tgz" && find . -type f | sort)
for file in bin/millrace lib/systemd/system/millrace@.service share/man/man1/millrace.1 \
    share/bash-completion/completions/millrace share/doc/millrace/copyright; do
    run_ok "they hold $file" test -s "$TMP/tgz/$file"
done
equal "nothing in them is writable by others" "" "$(find "$TMP/deb" -perm /022 ! -type l)"

# What the program is linked with is named, each in a version.
dependencies=$(dpkg-deb -f "$deb" Depends)
for library in librdkafka1 libpq5 libmongoc-1.0-0 libjansson4 libsqlite3-0 zlib1g libzstd1; do
    contains "the .deb depends on $library" "$dependencies" "$library (>= "
done
if ((EUID == 0)); then
    run_ok "Debian fills the dependencies" apt-get -s -o Debug::NoLocking=1 install "$deb"
fi

# A unit is verified under the name it is started by, with its program in place.
unit=$TMP/millrace@trips.service
sed "s#=millrace #=$TMP/tgz/bin/millrace #" "$TMP/tgz/lib/systemd/system/millrace@.service" >"$unit"
run_ok "systemd takes the service" systemd-analyze verify --man=no "$unit"
exposure=$(systemd-analyze security --offline=true --no-pager "$unit" | grep -o 'exposure level for.*' || true)
contains "and calls it safe" "$exposure" OK

# smoke <what> <program>: moves three rows as an unprivileged user with no capability, as the service does.
smoke() {
    local what=$1 program=$2 topic table
    topic=$(unique package)
    table=$(unique package)
    mkdir -p "$TMP/etc"
    printf 'id,name\n1,a\n2,b\n3,c\n' >"$TMP/etc/rows.csv"
    cat >"$TMP/etc/$topic.json" <<PIPELINE
{
  "name": "$topic",
  "kafka": {"bootstrap.servers": "\${env:KAFKA_BOOTSTRAP_SERVERS}"},
  "sources": {"rows": {"connector": "file", "path": "rows.csv", "topic": "$topic"}},
  "sinks": {"table": {"connector": "postgres", "topics": ["$topic"], "connection.url": "\${env:DATABASE_URL}",
                      "table": "$table", "auto.create": true}}
}
PIPELINE
    chmod -R a+rX "$TMP"
    local as=()
    ((EUID != 0)) || as=(setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs --bounding-set=-all)
    run_ok "$what moves rows" "${as[@]}" "$program" run "$TMP/etc/$topic.json" --once
    equal "$what moved them all" 3 "$(sql "SELECT count(*) FROM $table")"
}
# Every folder above must let that user pass.
passable() {
    local folder=$TMP
    while [[ $folder != / ]]; do
        [[ -x $folder && $(stat -c %A "$folder") == *x ]] || return 1
        folder=$(dirname "$folder")
    done
}
if passable; then
    smoke "the program of the .tar.gz" "$TMP/tgz/bin/millrace"
else
    as_is=$(mktemp -d /tmp/millrace-package.XXXXXX)
    trap 'code=$?; rm -rf "$as_is"; (exit "$code"); scenario_cleanup' EXIT
    chmod 755 "$as_is"
    cp -r "$TMP/tgz" "$as_is/"
    TMP=$as_is smoke "the program of the .tar.gz" "$as_is/tgz/bin/millrace"
fi

if [[ ${CI:-false} == true ]] && ((EUID == 0)) && ! dpkg -s millrace >/dev/null 2>&1; then
    run_ok "the .deb installs" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 install "$deb"
    run_ok "the installed program runs" /usr/bin/millrace version
    run_ok "it is as packed" dpkg --verify millrace
    run_ok "there is a folder for pipelines" test -d /etc/millrace
    run_ok "the .deb is purged" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 purge millrace
    run_ok "and is gone" bash -c '! test -e /usr/bin/millrace && ! test -e /etc/millrace'
fi
scenario_end
