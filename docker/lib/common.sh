# shellcheck shell=bash disable=SC2034 # names for the scripts that source this file
# SPDX-License-Identifier: Apache-2.0
#
# What every part of the local stack shares: where things are, how it speaks,
# how it finds its own processes and how it becomes another user.
#
# A server is recognised by its command line: one argument of it is a path
# inside our own state folder (the data directory or the configuration file),
# and its executable is the right one. There are no pid files, so a recycled
# pid can never be killed and a server whose start was interrupted is still found.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
LIB=$ROOT/docker/lib
STACK_DIR=${MILLRACE_STACK_DIR:-$ROOT/.stack}
LOGS=$STACK_DIR/logs
SERVICES=(postgres kafka mongod)
MORE_SERVICES=(registry) # started only when named

# Downloads are kept once per machine if that folder exists, otherwise in the checkout.
default_cache() {
    local machine=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/millrace
    if [[ -d $machine ]]; then echo "$machine"; else echo "$ROOT/.stack/cache"; fi
}
CACHE=${MILLRACE_CACHE:-$(default_cache)}

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
    BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' GREEN=$'\e[32m' PLAIN=$'\e[0m'
else
    BOLD='' DIM='' RED='' GREEN='' PLAIN=''
fi

tick() { printf '%s✓%s %s\n' "$GREEN" "$PLAIN" "$*"; }
note() { printf '%s· %s%s\n' "$DIM" "$*" "$PLAIN"; }
warn() { printf '%s! %s%s\n' "$RED" "$*" "$PLAIN" >&2; }
die() {
    printf '%s✗ %s%s\n' "$RED" "$1" "$PLAIN" >&2
    shift
    (($# == 0)) || printf '  %s\n' "$@" >&2
    exit 1
}

# now_ms: milliseconds, for the timings that are shown.
now_ms() {
    local t=${EPOCHREALTIME/[.,]/}
    echo $((t / 1000))
}

# seconds_since <ms>: "5.1 s".
seconds_since() {
    local ms=$(($(now_ms) - $1))
    printf '%d.%d s' $((ms / 1000)) $((ms % 1000 / 100))
}

# as_root <command...>: directly as root, otherwise through sudo.
as_root() {
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "this needs root, and there is no sudo: $*" "run it once as root, then again as yourself"
    fi
}

prepare_folders() {
    mkdir -p "$STACK_DIR/ports" "$LOGS" "$CACHE"
}

# One command at a time changes the stack of a checkout. Servers are started
# with the lock's descriptor closed, so it is free again when the command ends.
lock_stack() {
    mkdir -p "$STACK_DIR"
    exec 9>"$STACK_DIR/lock"
    flock -n 9 && return
    note "another docker/stack command is at work in this checkout: waiting for it"
    flock -w 300 9 || die "it did not end within 300 s" "see who holds it: fuser -v $STACK_DIR/lock"
}

# processes_with <argument> <executable name>: pids with exactly that argument.
processes_with() {
    local file pid exe
    while read -r file; do
        pid=${file#/proc/}
        pid=${pid%/cmdline}
        exe=$(readlink "/proc/$pid/exe" 2>/dev/null) || continue
        [[ ${exe##*/} == "$2" ]] && echo "$pid"
    done < <(grep -lszFx -- "$1" /proc/[0-9]*/cmdline)
    return 0
}

children_of() {
    local file
    while read -r file; do
        file=${file#/proc/}
        echo "${file%/status}"
    done < <(grep -ls "^PPid:[[:space:]]*$1\$" /proc/[0-9]*/status)
    return 0
}

# wait_gone <seconds> <pid...>: true when none of them is left (a zombie is gone).
wait_gone() {
    local limit=$(($(now_ms) + $1 * 1000)) pid
    shift
    for pid in "$@"; do
        while grep -qs '^State:[[:space:]]*[^ZX]' "/proc/$pid/status"; do
            (($(now_ms) < limit)) || return 1
            sleep 0.05
        done
    done
}

# stop_pids <seconds of patience> <signal> <pid...>: asks first, then insists.
stop_pids() {
    local patience=$1 signal=$2
    shift 2
    (($# > 0)) || return 0
    kill -CONT "$@" 2>/dev/null || true
    kill "-$signal" "$@" 2>/dev/null || true
    wait_gone "$patience" "$@" && return
    warn "did not stop within $patience s, killing: $*"
    kill -KILL "$@" 2>/dev/null || true
    wait_gone 10 "$@"
}

# launch <log file> <command...>: a daemon of its own session, without our lock
# (9) or that of tests/run (8), and without a foothold in the folder from which it was started.
launch() {
    local log=$1
    shift
    (cd / && setsid --fork "$@" >>"$log" 2>&1 </dev/null 8>&- 9>&-)
}

# wait_until <seconds> <command...>: polls the command until it is true.
wait_until() {
    local limit=$(($(now_ms) + $1 * 1000))
    shift
    until "$@"; do
        (($(now_ms) < limit)) || return 1
        sleep 0.05
    done
}
