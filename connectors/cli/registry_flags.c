/* SPDX-License-Identifier: Apache-2.0 */
/* See registry_flags.h. */
#include "cli/registry_flags.h"

#include <stdlib.h>

enum { TIMEOUT_MS = 10000 };

static const char *filled(const char *text)
{
    return text && *text ? text : NULL;
}

void mr_registry_flags_read(const mr_args *args, mr_registry_flags *ret)
{
    const char *url = mr_args_value(args, "schema-registry-url");
    const char *user = mr_args_value(args, "schema-registry-user");
    ret->url = url ? url : filled(getenv("SCHEMA_REGISTRY_URL"));
    ret->options = (mr_registry_options){
        .urls = {&ret->url, ret->url ? 1 : 0},
        .user = user ? user : filled(getenv("SCHEMA_REGISTRY_USER")),
        .password = filled(getenv("SCHEMA_REGISTRY_PASSWORD")),
        .ca_file = mr_args_value(args, "schema-registry-ssl-ca-location"),
        .timeout_ms = TIMEOUT_MS,
        .auto_register = true,
    };
}
