#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# PostgreSQL as others run it: with TLS and an authority of their own, named by a service file, behind pgbouncer, and with
# a disk that is full. On a server of this scenario's own.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/postgres_own.sh"
needs kafka
name=$(unique servers)
cd "$TMP"
own_postgres

says() { grep -qF -- "$2" "$1"; }
# fill <topic> <lines>
fill() {
    seq 1 "$2" | python3 -c 'import hashlib, sys
print("id,pad")
for line in sys.stdin:
    n = line.strip()
    print(n + "," + "".join(hashlib.sha256((n + str(i)).encode()).hexdigest() for i in range(16)))' >"$1.csv"
    timeout -k 2 60 "$MILLRACE" file --name "$1" --topic "$1" --path "$1.csv" --once --topic-partitions 1 \
        --progress never --log-level warning
}
# store <topic> <url> <table> [flags...]
store() {
    timeout -k 2 100 "$MILLRACE" postgres --name "$1.$3" --topics "$1" --connection-url "$2" --table "$3" --auto-create \
        --key-fields id --once --progress never "${@:4}"
}
stored() { own_sql "SELECT count(*) || ' ' || count(DISTINCT id) FROM $1"; }

# --- TLS: an authority, a certificate it has signed for localhost, and an authority that has not
authority() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$1" -keyout "$1.key" -out "$1.crt" 2>/dev/null
}
authority ours
authority others
openssl req -newkey rsa:2048 -nodes -subj "/CN=localhost" -keyout server.key -out server.csr 2>/dev/null
printf 'subjectAltName=DNS:localhost\n' >server.ext
openssl x509 -req -in server.csr -CA ours.crt -CAkey ours.key -CAcreateserial -days 2 -extfile server.ext -out server.crt 2>/dev/null
own_as tee "$OWN/server.crt" <server.crt >/dev/null
(umask 077 && own_as tee "$OWN/server.key" <server.key >/dev/null)
own_as chmod 600 "$OWN/server.key"
cat >>"$OWN/data/postgresql.conf" <<CONF
ssl = on
ssl_cert_file = '$OWN/server.crt'
ssl_key_file = '$OWN/server.key'
CONF
sed -i 's/^host /hostssl /' "$OWN/data/pg_hba.conf"
# A file may grow up to here, 4 KiB behind a whole number of pages: what is beyond is a disk that is full.
disk_bytes=$(((40 << 20) + 4096))
own_start prlimit "--fsize=$disk_bytes:unlimited"

run_ok "records are made" fill "$name" 500
secure="postgresql://own:$OWN_PASSWORD@localhost:$OWN_PORT/postgres?sslmode=verify-full&sslrootcert=$TMP"
run_ok "verify-full with the right authority" store "$name" "$secure/ours.crt" tls
equal "all rows are there" "500 500" "$(stored tls)"
run_fails "another authority is refused" 1 "certificate verify failed" store "$name" "$secure/others.crt" wrong
contains "and it is said what to do" "$(<out)" "not signed by an authority in sslrootcert"
run_fails "another name is refused" 1 "the server's certificate is for another name" \
    store "$name" "${secure/localhost/127.0.0.1}/ours.crt" wrong
run_fails "a missing authority is refused" 1 "name the file with the authority's certificate" store "$name" "$secure/none.crt" wrong
equal "nothing was written" "" "$(own_sql "SELECT to_regclass('wrong')")"
equal "the password is not shown" "" "$(grep -F "$OWN_PASSWORD" out || true)"

# --- A service file
cat >services.conf <<CONF
[trips]
host=localhost
port=$OWN_PORT
dbname=postgres
user=own
sslmode=verify-full
sslrootcert=$TMP/ours.crt
CONF
export PGSERVICEFILE=$TMP/services.conf PGPASSWORD=$OWN_PASSWORD
run_ok "a service by its name" store "$name" "service=trips" service
equal "all rows are there, by service" "500 500" "$(stored service)"
PGSERVICE=trips run_ok "a service by PGSERVICE" store "$name" "postgresql://" service2
equal "all rows are there, by PGSERVICE" "500 500" "$(stored service2)"
run_fails "a service that is not there ends the run" 1 'definition of service "none" not found' store "$name" service=none none
unset PGSERVICEFILE PGPASSWORD

# --- pgbouncer
if ! command -v pgbouncer >/dev/null; then
    ok "pgbouncer # SKIP it is not installed"
else
    # pooler <mode>: $POOL_URL
    pooler() {
        local port
        port=$(own_free_port)
        own_as tee "$OWN/users.txt" <<<"\"own\" \"$OWN_PASSWORD\"" >/dev/null
        own_as tee "$OWN/pool-$1.ini" >/dev/null <<INI
[databases]
postgres = host=127.0.0.1 port=$OWN_PORT
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir =
auth_type = scram-sha-256
auth_file = $OWN/users.txt
server_tls_sslmode = require
pool_mode = $1
default_pool_size = 2
INI
        background "pool-$1.log" "${OWN_USER[@]}" pgbouncer "$OWN/pool-$1.ini"
        POOL_URL=postgresql://own:$OWN_PASSWORD@127.0.0.1:$port/postgres
        eventually 20 psql -Xqc "SELECT 1" "$POOL_URL" >/dev/null 2>&1 || not_ok "pgbouncer starts" "$(tail "pool-$1.log")"
    }
    pooler session
    for mode in insert upsert update; do
        run_ok "through pgbouncer in session mode: $mode" store "$name" "$POOL_URL" "pool_$mode" --insert-mode "$mode"
    done
    contains "an update says how many rows were not there" "$(<out)" "rows_missing 500"
    equal "all rows are there, through pgbouncer" "500 500|500 500" "$(stored pool_insert)|$(stored pool_upsert)"
    pooler transaction
    # Somebody takes the session that the sink began in, so that its next transaction is in another one.
    printf 'id,pad\n' >none.csv
    run_ok "a topic is made" timeout -k 2 60 "$MILLRACE" file --name "${name}_pooled" --topic "${name}_pooled" --path none.csv \
        --once --topic-partitions 1
    background pooled.log "$MILLRACE" postgres --name "$name.pooled" --topics "${name}_pooled" --connection-url "$POOL_URL" \
        --table pooled --auto-create --key-fields id --progress never
    pid=$LAST
    claimed() { [[ $(own_sql "SELECT count(*) FROM millrace.offsets WHERE topic = '${name}_pooled'") == 1 ]]; }
    if eventually 30 claimed; then ok "the sink waits for records"; else not_ok "the sink waits" "$(tail pooled.log)"; fi
    mkfifo holder
    background holder.log psql -XqAt "$POOL_URL" -f holder
    exec 7>holder
    echo "BEGIN; SELECT 'held';" >&7
    if eventually 20 says holder.log held; then ok "its session is taken"; else not_ok "its session is taken" "$(<holder.log)"; fi
    run_ok "there are records" fill "${name}_pooled" 10
    code=0
    timeout 60 tail --pid="$pid" -f /dev/null
    wait "$pid" || code=$?
    equal "transaction mode is noticed" 1 "$code"
    contains "and it is said what to do" "$(<pooled.log)" "set pool_mode=session (pgbouncer) for it"
    exec 7>&-
    equal "nothing was written there" 0 "$(own_sql "SELECT count(*) FROM pooled")"
fi

# --- A disk that is full: waited for, and nothing is lost
run_ok "many records are made" fill "${name}_many" 60000
background full.log store "${name}_many" "$OWN_URL" filled --batch-size 5000
pid=$LAST
if eventually 60 says full.log 53100; then ok "the disk is full"; else not_ok "the disk is full" "$(tail full.log)"; fi
contains "and it is said what to do" "$(<full.log)" "free some space on the server"
own_as prlimit --pid "$(head -n 1 "$OWN/data/postmaster.pid")" --fsize=unlimited:unlimited
code=0
wait "$pid" || code=$?
equal "with room again it goes on to the end" 0 "$code"
equal "nothing is lost or doubled" "60000 60000" "$(stored filled)"
scenario_end
