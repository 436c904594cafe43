# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Which machinery runs the servers: this machine itself (native), or a Docker
# engine with docker/compose.yml. MILLRACE_STACK chooses; what "up" chose is
# remembered, so that the other commands need not be told again.
#
# With Docker, a container takes the place of a process: the functions of each
# server that deal with processes are replaced here, and the rest stays as it is.

engine() {
    local choice=${MILLRACE_STACK:-}
    [[ -n $choice ]] || choice=$(cat "$STACK_DIR/engine" 2>/dev/null || echo native)
    case $choice in
        native | docker) echo "$choice" ;;
        *) die "MILLRACE_STACK=$choice is not known" "allowed: native (the default), docker" ;;
    esac
}

# engine_use: called by each command before it looks at the servers.
engine_use() {
    local service
    engine_is_free
    [[ $(engine) == docker ]] || return 0
    docker info >/dev/null 2>&1 ||
        die "no Docker engine answers" "start one, or run the servers on this machine: MILLRACE_STACK=native"
    for service in "${SERVICES[@]}" "${MORE_SERVICES[@]}"; do
        eval "
        ${service}_packages() { :; }
        ${service}_provision() { :; }
        ${service}_start() { docker_start $service; }
        ${service}_ready() { [[ \$(docker_health $service) == healthy ]]; }
        ${service}_answers() { ${service}_ready; }
        ${service}_pids() { docker_container $service; }
        ${service}_stop() { docker_compose rm -sf $service >>\"\$LOGS/$service.log\" 2>&1; }
        ${service}_signal() { docker_signal $service \"\$1\"; }
        ${service}_forget() { docker volume rm -f \$(docker_project)_$service >/dev/null; }
        ${service}_kill() { docker_signal $service KILL; }"
    done
    # Takes the place of the one in services.sh.
    is_paused() { [[ $(docker inspect -f '{{.State.Paused}}' "$(docker_container "$1")" 2>/dev/null) == true ]]; }
}

# One stack folder has servers of one kind at a time.
engine_is_free() {
    local before service
    before=$(cat "$STACK_DIR/engine" 2>/dev/null || engine)
    [[ $before != "$(engine)" ]] || return 0
    for service in "${SERVICES[@]}" "${MORE_SERVICES[@]}"; do
        if { [[ $before == native ]] && is_running "$service"; } ||
            { [[ $before == docker ]] && [[ -n $(docker_container "$service" 2>/dev/null) ]]; }; then
            die "servers of the $before stack are running here" "stop them first: MILLRACE_STACK=$before docker/stack down"
        fi
    done
}

engine_remember() {
    local choice
    choice=$(engine)
    echo "$choice" >"$STACK_DIR/engine"
}

docker_compose() {
    local compose=(docker compose)
    docker compose version >/dev/null 2>&1 || compose=(docker-compose)
    POSTGRES_PASSWORD=$(postgres_password) \
        POSTGRES_PORT=$(saved_port postgres) KAFKA_PORT=$(saved_port kafka) MONGOD_PORT=$(saved_port mongod) \
        REGISTRY_PORT=$(saved_port registry) \
        "${compose[@]}" -p "$(docker_project)" -f "$ROOT/docker/compose.yml" "$@"
}

docker_project() { echo "millrace-$(printf %s "$STACK_DIR" | sha256sum | cut -c1-12)"; }

docker_start() {
    postgres_make_password
    docker_compose up -d --no-deps "$1" >>"$LOGS/$1.log" 2>&1
}

# The running container of a service, empty when there is none.
docker_container() {
    docker ps -q --filter "label=com.docker.compose.project=$(docker_project)" \
        --filter "label=com.docker.compose.service=$1"
}

docker_health() {
    local container
    container=$(docker_container "$1")
    [[ -z $container ]] || docker inspect -f '{{.State.Health.Status}}' "$container"
}

docker_signal() {
    local container verb=kill
    container=$(docker_container "$1")
    case $2 in
        STOP) verb=pause ;;
        CONT) verb=unpause ;;
    esac
    docker "$verb" "$container" >/dev/null
}
