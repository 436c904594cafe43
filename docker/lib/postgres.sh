# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# PostgreSQL 15: a cluster of our own made by initdb from Debian's package,
# apart from any cluster the machine has. It refuses to run as root, so root
# runs it as the user postgres; anybody else runs it as themselves. Passwords
# are real (SCRAM), durability is real (fsync), and it listens on TCP only,
# because a socket's path has a limit of 107 bytes.

PG_BIN=/usr/lib/postgresql/15/bin
PG_ROLE=millrace

postgres_packages() { [[ -x $PG_BIN/postgres ]] || echo "${PACKAGES_POSTGRES[@]}"; }

PG_OWNER=()
((EUID != 0)) || PG_OWNER=(setpriv --reuid=postgres --regid=postgres --init-groups)

pg_as_owner() { (cd / && "${PG_OWNER[@]}" "$@"); }

# The data directory. The user postgres cannot enter a checkout below a closed
# home: then it is a folder of /var/tmp, named after the checkout, that only
# root can have made.
postgres_data() {
    local recorded=$STACK_DIR/postgres.data
    if [[ ! -s $recorded ]]; then
        postgres_choose_data >"$recorded.new"
        mv "$recorded.new" "$recorded"
    fi
    cat "$recorded"
}

postgres_outside_name() { echo "millrace-$(printf %s "$STACK_DIR" | sha256sum | cut -c1-12)"; }

postgres_choose_data() {
    if ((EUID != 0)) || pg_as_owner test -x "$STACK_DIR" 2>/dev/null; then
        echo "$STACK_DIR/postgres/data"
    else
        local outside
        outside=/var/tmp/$(postgres_outside_name)
        [[ -d $outside ]] || mkdir -m 0755 "$outside"
        [[ -O $outside && ! -L $outside ]] || die "$outside belongs to somebody else" "remove it, or move the checkout"
        echo "$outside/postgres/data"
    fi
}

postgres_pids() {
    [[ -f $STACK_DIR/postgres.data ]] || return 0
    processes_with "$(<"$STACK_DIR/postgres.data")" postgres
}

postgres_password() { cat "$STACK_DIR/postgres.password"; }

postgres_endpoint() {
    echo "postgresql://$PG_ROLE:$(postgres_password)@127.0.0.1:$(saved_port postgres)/$PG_ROLE"
}
postgres_address() { echo "127.0.0.1:$(saved_port postgres)"; }

postgres_choose_ports() { choose_port postgres 5432; }

postgres_make_password() {
    [[ ! -s $STACK_DIR/postgres.password ]] || return 0
    (umask 077 && od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$STACK_DIR/postgres.password.new")
    mv "$STACK_DIR/postgres.password.new" "$STACK_DIR/postgres.password"
}

# initdb works in a folder beside the final one: what an interrupted run leaves
# behind is thrown away, and a data directory that exists is complete.
postgres_provision() {
    local data parent making
    data=$(postgres_data)
    if [[ -f $data/PG_VERSION ]]; then
        [[ -s $STACK_DIR/postgres.password ]] || postgres_renew_password "$data"
        return
    fi
    parent=${data%/data}
    making=$parent/making
    postgres_make_password
    mkdir -p "$parent"
    rm -rf "$making"
    install -m 0600 "$STACK_DIR/postgres.password" "$parent/password"
    ((EUID != 0)) || chown postgres:postgres "$parent" "$parent/password"
    pg_as_owner "$PG_BIN/initdb" -D "$making" -U "$PG_ROLE" --encoding=UTF8 --locale=C.UTF-8 \
        --auth=scram-sha-256 --pwfile="$parent/password" --no-instructions >>"$LOGS/postgres.log" 2>&1
    pg_as_owner tee -a "$making/postgresql.conf" <"$LIB/postgresql.conf" >/dev/null
    rm "$parent/password"
    pg_as_owner mv "$making" "$data"
}

# A cluster outside the checkout outlives its .stack, where the password was.
postgres_renew_password() {
    postgres_make_password
    pg_as_owner "$PG_BIN/postgres" --single -D "$1" postgres \
        <<<"ALTER ROLE $PG_ROLE PASSWORD '$(postgres_password)'" >>"$LOGS/postgres.log" 2>&1
}

postgres_forget() {
    [[ ! -s $STACK_DIR/postgres.data ]] || rm -rf "$(dirname "$(postgres_data)")"
    rm -f "$STACK_DIR"/postgres.{data,password}
    find /var/tmp -maxdepth 1 -name "$(postgres_outside_name)" -user root -exec rmdir {} + 2>/dev/null || true
}

postgres_answers() {
    "$PG_BIN/pg_isready" -q -h 127.0.0.1 -p "$(saved_port postgres)"
}

postgres_sql() {
    PGPASSWORD=$(postgres_password) "$PG_BIN/psql" -XqAt -v ON_ERROR_STOP=1 -h 127.0.0.1 \
        -p "$(saved_port postgres)" -U "$PG_ROLE" "$@"
}

postgres_start() {
    local data
    data=$(postgres_data)
    launch "$LOGS/postgres.log" "${PG_OWNER[@]}" "$PG_BIN/postgres" -D "$data" -p "$(saved_port postgres)"
}

postgres_ready() {
    postgres_answers || return 1
    [[ $(postgres_sql -d postgres -c "SELECT 1 FROM pg_database WHERE datname = '$PG_ROLE'") == 1 ]] ||
        postgres_sql -d postgres -c "CREATE DATABASE $PG_ROLE"
}

# Fast shutdown; a client that holds a transaction open is disconnected.
postgres_stop() {
    local pids
    mapfile -t pids < <(postgres_pids)
    stop_pids 30 INT "${pids[@]}"
}

# The backends are signalled with the postmaster, so that a kill is a power cut
# and a pause stops everything.
postgres_signal() {
    local pids
    mapfile -t pids < <(for pid in $(postgres_pids); do echo "$pid" && children_of "$pid"; done)
    ((${#pids[@]} == 0)) || kill "-$1" "${pids[@]}" 2>/dev/null || true
}
postgres_kill() {
    local pids
    mapfile -t pids < <(postgres_pids)
    postgres_signal KILL
    wait_gone 10 "${pids[@]}"
}
