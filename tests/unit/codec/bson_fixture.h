/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes, decoders and documents for tests; whatever fails ends the test. cmocka.h comes first. */
#ifndef TEST_BSON_FIXTURE_H
#define TEST_BSON_FIXTURE_H

#include <string.h>

#include "base/arena.h"
#include "codec/bson.h"
#include "codec/bson_shape.h"
#include "codec/schema.h"

static inline mr_bson_shape *new_shape(bool widen, size_t fields_max, size_t depth_max)
{
    mr_bson_shape_options options = {"taxi.trips", widen, fields_max, depth_max};
    return mr_bson_shape_new(&options);
}

static inline const mr_schema *schema_of(mr_bson_shape *shape)
{
    const mr_schema *schema;
    mr_error err;
    if (mr_bson_shape_schema(shape, &schema, &err)) {
        fail_msg("%s", err.text);
    }
    return schema;
}

/* Documents of JSON; freed by the arena. */
static inline mr_slice doc(mr_arena *arena, const char *json)
{
    mr_buffer out = MR_BUFFER_INIT(1 << 24);
    size_t begun = mr_bson_begin(&out);
    if (!mr_bson_add_json_fields(&out, (mr_slice){json, strlen(json)})) {
        fail_msg("no JSON: %s", json);
    }
    mr_bson_end(&out, begun);
    mr_slice ret = {mr_arena_copy(arena, out.data, out.len), out.len};
    mr_error err;
    assert_int_equal(mr_bson_check(ret.data, ret.len, &err), MR_OK);
    mr_buffer_release(&out);
    return ret;
}

static inline mr_bson_decoder *decoder_of(const mr_schema *schema)
{
    mr_bson_decoder *decoder;
    mr_error err;
    if (mr_bson_decoder_new(schema, &decoder, &err)) {
        fail_msg("%s", err.text);
    }
    return decoder;
}

static inline const mr_schema *parse(const char *json)
{
    const mr_schema *schema;
    mr_error err;
    if (mr_schema_parse(json, strlen(json), &schema, &err)) {
        fail_msg("%s", err.text);
    }
    return schema;
}

#endif
