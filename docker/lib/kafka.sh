# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Kafka 3.9.0: one node, broker and controller in one process (KRaft), from
# Apache's artifacts as Maven publishes them. Every jar is checked against
# kafka-jars.sha256 before it is kept.

KAFKA_VERSION=3.9.0
KAFKA_HEAP=${KAFKA_HEAP:--Xmx512m}

kafka_jars() { echo "$CACHE/kafka-$KAFKA_VERSION"; }
kafka_home() { echo "$STACK_DIR/kafka"; }

kafka_pids() { processes_with "$STACK_DIR/kafka/server.properties" java; }

kafka_endpoint() { echo "127.0.0.1:$(saved_port kafka)"; }
kafka_address() { kafka_endpoint; }

kafka_choose_ports() {
    choose_port kafka 9092
    choose_port kafka-controller 9093
}

# find_java: the first Java of version 17 or newer.
find_java() {
    local java major
    for java in "${JAVA_HOME:-/nonexistent}/bin/java" "$(command -v java || true)" \
        /usr/lib/jvm/java-17-openjdk-*/bin/java; do
        [[ -x $java ]] || continue
        major=$("$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p')
        if ((${major:-0} >= 17)); then
            echo "$java"
            return
        fi
    done
    return 1
}

kafka_packages() {
    find_java >/dev/null || echo "${PACKAGES_JAVA[@]}"
    [[ -d $(kafka_jars) ]] || command -v mvn >/dev/null || echo "${PACKAGES_KAFKA_DOWNLOAD[@]}"
}

# Fetched into a folder beside the final one, checked, then renamed: a folder
# that exists is complete.
kafka_fetch() {
    local jars making
    jars=$(kafka_jars)
    [[ ! -d $jars ]] || return 0
    making=$(mktemp -d "$CACHE/kafka.making.XXXXXX")
    cp "$LIB/kafka-pom.xml" "$making/pom.xml"
    (cd "$making" && mvn -B -q "-Dmaven.repo.local=$making/repository" dependency:copy-dependencies \
        "-DoutputDirectory=$making/libs") >>"$LOGS/kafka-download.log" 2>&1
    (cd "$making/libs" && sha256sum --quiet --strict -c "$LIB/kafka-jars.sha256") >>"$LOGS/kafka-download.log" 2>&1
    mv -T "$making/libs" "$jars" 2>/dev/null || [[ -d $jars ]]
    rm -rf "$making"
}

kafka_write_properties() {
    local home=$1 port controller
    port=$(saved_port kafka)
    controller=$(saved_port kafka-controller)
    cat "$LIB/kafka.properties" - >"$home/server.properties" <<EOF

listeners=BROKER://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=BROKER://127.0.0.1:$port
controller.quorum.voters=1@127.0.0.1:$controller
log.dirs=$home/data
EOF
}

kafka_java() {
    "$(find_java)" "-Dlog4j.configuration=file:$LIB/kafka-log4j.properties" -cp "$(kafka_jars)/*" "$@"
}

kafka_provision() {
    local home id
    home=$(kafka_home)
    kafka_fetch
    mkdir -p "$home"
    kafka_write_properties "$home"
    [[ ! -f $home/data/meta.properties ]] || return 0
    id=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n' | cut -c1-22)
    rm -rf "$home/data"
    kafka_java kafka.tools.StorageTool format -t "$id" -c "$home/server.properties" >>"$LOGS/kafka.log" 2>&1
}

# Each start is announced in the log, so that readiness is read from this start only.
kafka_start() {
    local java
    java=$(find_java)
    touch "$LOGS/kafka.log"
    wc -c <"$LOGS/kafka.log" >"$STACK_DIR/kafka/log.offset"
    # shellcheck disable=SC2086 # several options are allowed in KAFKA_HEAP
    launch "$LOGS/kafka.log" "$java" $KAFKA_HEAP -XX:+ExitOnOutOfMemoryError -Djava.awt.headless=true \
        "-Dlog4j.configuration=file:$LIB/kafka-log4j.properties" \
        -cp "$(kafka_jars)/*" kafka.Kafka "$STACK_DIR/kafka/server.properties"
}

kafka_answers() { port_answers "$(saved_port kafka)"; }

# Kafka listens before it can serve, and says in its log when it can. That is
# remembered by pid, so that it is not looked for again in a long log.
kafka_ready() {
    local pid ready=$STACK_DIR/kafka/ready
    pid=$(kafka_pids)
    [[ -n $pid ]] || return 1
    if [[ $(cat "$ready" 2>/dev/null) != "$pid" ]]; then
        grep -q 'Kafka Server started' \
            < <(tail -c "+$(($(<"$STACK_DIR/kafka/log.offset") + 1))" "$LOGS/kafka.log") || return 1
        echo "$pid" >"$ready"
    fi
    kafka_answers
}

kafka_stop() {
    local pids
    mapfile -t pids < <(kafka_pids)
    stop_pids 30 TERM "${pids[@]}"
}
kafka_signal() {
    local pids
    mapfile -t pids < <(kafka_pids)
    ((${#pids[@]} == 0)) || kill "-$1" "${pids[@]}"
}
kafka_kill() {
    local pids
    mapfile -t pids < <(kafka_pids)
    kafka_signal KILL
    wait_gone 10 "${pids[@]}"
}

kafka_forget() { rm -rf "$STACK_DIR/kafka"; }
