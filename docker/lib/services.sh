# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What is the same for every server. A server <s> is a file <s>.sh that defines
#   <s>_packages      names the Debian packages that it may be missing
#   <s>_choose_ports  records its ports in .stack/ports
#   <s>_provision     downloads, data directory; does nothing when they exist
#   <s>_start         launches it, does not wait
#   <s>_ready         true once it serves its clients; may finish the set-up
#   <s>_answers       true when its port answers (cheap)
#   <s>_pids, <s>_stop, <s>_kill, <s>_signal, <s>_forget, <s>_address, <s>_endpoint

variable_of() {
    case $1 in
        postgres) echo DATABASE_URL ;;
        kafka) echo KAFKA_BOOTSTRAP_SERVERS ;;
        mongod) echo MONGODB_URI ;;
        registry) echo SCHEMA_REGISTRY_URL ;;
    esac
}

title_of() {
    case $1 in
        postgres) echo "PostgreSQL" ;;
        kafka) echo "Kafka" ;;
        mongod) echo "MongoDB" ;;
        registry) echo "Registry" ;;
    esac
}

is_running() { [[ -n $("$1_pids") ]]; }

is_paused() {
    local pid
    for pid in $("$1_pids"); do
        grep -qs '^State:[[:space:]]*T' "/proc/$pid/status" && return
    done
    return 1
}

# own_endpoint <service>: empty when it never had a port.
own_endpoint() {
    [[ -z $(saved_port "$1") ]] || "$1_endpoint"
}

# A server given by the environment is used as it is. What docker/stack env
# printed earlier in the same shell is our own server, not a given one.
is_given() {
    local value
    value=$(variable_of "$1")
    value=${!value:-}
    [[ -n $value && $value != "$(own_endpoint "$1")" ]]
}

given_endpoint() {
    local variable
    variable=$(variable_of "$1")
    echo "${!variable}"
}

hide_password() { sed -E 's#(://[^:/@]*):[^@]*@#\1:***@#'; }

# Another program may have taken the port between the choice and the start:
# then the server ends at once, and is started again on another port.
service_start() {
    local service=$1
    for _ in 1 2 3; do
        "${service}_choose_ports"
        "${service}_provision"
        "${service}_start"
        service_wait "$service" && return
        ! is_running "$service" || return 1
        grep -qi 'address already in use' < <(tail -n 30 "$LOGS/$service.log") || return 1
    done
    return 1
}

# service_wait <service>: until it is ready. A process that was seen and is gone,
# or does not appear within 5 s, will not become ready any more.
service_wait() {
    local service=$1 started seen=
    started=$(now_ms)
    until "${service}_ready" >/dev/null 2>&1; do
        if is_running "$service"; then
            seen=yes
        elif [[ -n $seen ]] || (($(now_ms) > started + 5000)); then
            return 1
        fi
        (($(now_ms) < started + 120000)) || return 1
        sleep 0.05
    done
}

# Runs as a job of its own and prints one line, whatever happens. The steps are
# plain commands, so that "set -e" ends the job at the first one that fails.
service_up() {
    local service=$1 started how
    started=$(now_ms)
    # shellcheck disable=SC2064 # the name of now: the variable is gone when the trap runs
    trap "service_failed $service" EXIT
    trap 'trap - EXIT; exit 130' INT TERM
    if is_running "$service"; then
        ! is_paused "$service" || "${service}_signal" CONT
        how="already up"
        service_wait "$service"
    else
        service_start "$service"
        how="started in $(seconds_since "$started")"
    fi
    trap - EXIT
    service_line "$service" "$("${service}_address")" "$how"
}

service_down() {
    "$1_stop"
    tick "$(title_of "$1") stopped"
}

service_line() { tick "$(printf '%-10s %-22s %s%s%s' "$(title_of "$1")" "$2" "$DIM" "$3" "$PLAIN")"; }

service_failed() {
    local service=$1 log
    # The newest of its logs: that of the server or that of a download.
    log=$(find "$LOGS" -name "$service*.log" -printf '%T@ %p\n' | sort -rn | head -n 1)
    log=${log#* }
    warn "$(title_of "$service") did not start. The end of ${log:-its log, which is empty}:"
    [[ -z $log ]] || tail -n 8 "$log" | cut -c1-300 | sed 's/^/    /' >&2
    exit 1
}
