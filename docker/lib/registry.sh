# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# A schema registry: franz-go's srfake, an implementation of Confluent's REST interface in memory, built once from
# docker/registry with Go. Unlike the real one it forgets everything when it ends, and answers that every schema is
# compatible. With Docker it is a real one.

REGISTRY_GO=1.24.0

registry_binary() { echo "$CACHE/registry-$(sha256sum "$ROOT"/docker/registry/{main.go,go.mod,go.sum} | sha256sum | cut -c1-12)/registry"; }
registry_pids() { processes_with "$STACK_DIR/registry" registry; }
registry_endpoint() { echo "http://127.0.0.1:$(saved_port registry)"; }
registry_address() { echo "127.0.0.1:$(saved_port registry)"; }
registry_choose_ports() { choose_port registry 8081; }

# A Go of the version that docker/registry wants: the machine's, or Debian's to fetch it with.
registry_has_go() {
    local found
    found=$(go env GOVERSION 2>/dev/null) && found=${found#go} &&
        [[ $(printf '%s\n' "$REGISTRY_GO" "$found" | sort -V | head -n 1) == "$REGISTRY_GO" ]]
}

registry_packages() {
    [[ -x $(registry_binary) ]] || registry_has_go || echo "${PACKAGES_REGISTRY_BUILD[@]}"
}

# registry_build <folder>: with the Go there is; Debian's is too old, but can fetch a newer one as a module. What Go
# downloads stays in the folder.
registry_build() {
    local compiler=go toolchain
    export GOMODCACHE=$1/modules GOCACHE=$1/built GOTOOLCHAIN=local GOFLAGS="-buildvcs=false -modcacherw"
    if ! registry_has_go; then
        toolchain=$(cd "$1" && go mod download -json "golang.org/toolchain@v0.0.1-go$REGISTRY_GO.linux-amd64" |
            sed -n 's/^.*"Dir": "\(.*\)",*$/\1/p')
        chmod +x "$toolchain"/bin/* "$toolchain"/pkg/tool/*/*
        compiler=$toolchain/bin/go
    fi
    mkdir "$1/done"
    cd "$ROOT/docker/registry" || return
    "$compiler" build -o "$1/done/registry" .
}

registry_fetch() {
    local binary making
    binary=$(registry_binary)
    [[ ! -x $binary ]] || return 0
    making=$(mktemp -d "$CACHE/registry.making.XXXXXX")
    if (registry_build "$making") >>"$LOGS/registry-build.log" 2>&1; then
        mv -T "$making/done" "${binary%/*}" 2>/dev/null || true # another checkout may have been first
    fi
    rm -rf "$making"
    [[ -x $binary ]]
}

registry_provision() {
    registry_fetch
    mkdir -p "$STACK_DIR/registry"
}

# The folder is there to be known by (common.sh): the server keeps nothing in it.
registry_start() {
    launch "$LOGS/registry.log" "$(registry_binary)" -listen "$(registry_address)" "$STACK_DIR/registry"
}

registry_answers() { port_answers "$(saved_port registry)"; }
registry_ready() { registry_answers; }

registry_stop() {
    local pids
    mapfile -t pids < <(registry_pids)
    stop_pids 10 TERM "${pids[@]}"
}
registry_signal() {
    local pids
    mapfile -t pids < <(registry_pids)
    ((${#pids[@]} == 0)) || kill "-$1" "${pids[@]}"
}
registry_kill() {
    local pids
    mapfile -t pids < <(registry_pids)
    registry_signal KILL
    wait_gone 10 "${pids[@]}"
}

registry_forget() { rm -rf "$STACK_DIR/registry"; }
