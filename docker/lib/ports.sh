# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Ports. Each one we use is a file .stack/ports/<name>. The port of the last
# start is taken again if it is free, then the usual one, then any free one.

# port_answers <port>: somebody listens on the loopback.
port_answers() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# saved_port <name>: empty when never chosen.
saved_port() {
    cat "$STACK_DIR/ports/$1" 2>/dev/null || true
}

# Is the port promised to another name of this checkout?
port_promised() {
    local file
    for file in "$STACK_DIR"/ports/*; do
        [[ -f $file && ${file##*/} != "$2" && $(<"$file") == "$1" ]] && return 0
    done
    return 1
}

port_usable() {
    [[ -n $1 ]] && ! port_promised "$1" "$2" && ! port_answers "$1"
}

# choose_port <name> <usual port>: records the port; the caller has checked
# that our own server is not running on it.
choose_port() {
    local name=$1 port
    for port in "$(saved_port "$name")" "$2"; do
        if port_usable "$port" "$name"; then
            echo "$port" >"$STACK_DIR/ports/$name"
            return
        fi
    done
    # Below the ephemeral range (32768..), so that no outgoing connection takes it.
    for _ in {1..200}; do
        port=$((15000 + RANDOM % 15000))
        if port_usable "$port" "$name"; then
            echo "$port" >"$STACK_DIR/ports/$name"
            return
        fi
    done
    die "no free port found for $name between 15000 and 30000"
}
