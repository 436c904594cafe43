# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Which machinery runs the servers: this machine itself (native), or a Docker
# engine with docker/compose.yml when MILLRACE_STACK=docker asks for it.

engine() {
    case ${MILLRACE_STACK:-native} in
        native) echo native ;;
        docker) echo docker ;;
        *) die "MILLRACE_STACK=$MILLRACE_STACK" "allowed: native (the default), docker" ;;
    esac
}
docker_up() { die "not yet"; }
docker_down_if_used() { :; }
docker_is_up() { return 1; }
