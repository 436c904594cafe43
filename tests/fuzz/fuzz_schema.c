/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a schema: parsing must end, in bounds and in reasonable time; what is accepted must
 * print to JSON that parses to the same, must be readable by itself, and must survive the builder.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const mr_schema *schema, *again;
    mr_error err;
    if (mr_schema_parse((const char *)data, size, &schema, &err)) {
        require(err.text[0]);
        return 0;
    }
    const char *json = mr_schema_json(schema);
    require(mr_schema_parse(json, strlen(json), &again, &err) == MR_OK);
    require(strcmp(mr_schema_json(again), json) == 0);
    require(strcmp(mr_schema_canonical(again), mr_schema_canonical(schema)) == 0);
    require(again->fingerprint == schema->fingerprint);
    require(mr_schema_node_count(again) == mr_schema_node_count(schema));
    require(mr_schema_can_read(again, schema, &err) == MR_OK);
    mr_schema_release(again);

    mr_schema_builder *builder = mr_schema_builder_new("fuzz.Built");
    mr_schema_builder_add_copy(builder, "copy", schema, true);
    mr_schema_builder_add_copy(builder, "twice", schema, false);
    mr_schema_release(schema);
    /* Names of the schema may clash with ours, and it is nested deeper now: both are errors. */
    if (mr_schema_builder_finish(builder, &again, &err) == MR_OK) {
        mr_schema_release(again);
    }
    return 0;
}
