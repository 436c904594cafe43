/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as a query: what the check accepts is run over a small batch with a value of most types,
 * a tombstone and a before-image. Rows that come out must be of the schema that was derived.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "codec/schema.h"
#include "transform/transform.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char schema_json[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
    "{\"name\":\"s\",\"type\":[\"null\",\"string\"]},{\"name\":\"i\",\"type\":\"long\"},"
    "{\"name\":\"d\",\"type\":[\"null\",\"double\"]},{\"name\":\"b\",\"type\":\"boolean\"},"
    "{\"name\":\"a\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,"
    "\"scale\":2}},"
    "{\"name\":\"t\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},"
    "{\"name\":\"day\",\"type\":{\"type\":\"int\",\"logicalType\":\"date\"}},"
    "{\"name\":\"y\",\"type\":\"bytes\"},{\"name\":\"l\",\"type\":{\"type\":\"array\",\"items\":"
    "\"long\"}}]}";
enum { FIELDS = 9, RECORDS = 3 };

static mr_cell text(mr_type type, const char *s)
{
    return (mr_cell){.type = (uint8_t)type, .len = (uint32_t)strlen(s), .as.text = s};
}

static mr_cell number(mr_type type, int64_t i)
{
    return (mr_cell){.type = (uint8_t)type, .as.i = i};
}

static void fill(mr_cell *cells, int64_t i, const mr_cell *list)
{
    cells[0] = text(MR_STRING, i == 1 ? "{\"k\":[1,2.5,\"x\"]}" : "2019-03-23");
    cells[0].branch = 1;
    cells[1] = number(MR_LONG, i == 1 ? INT64_MAX : 7);
    cells[2] = i == 1 ? (mr_cell){.type = MR_NULL}
                      : (mr_cell){.type = MR_DOUBLE, .branch = 1, .as.d = -1.5};
    cells[3] = number(MR_BOOL, i == 1);
    cells[4] = text(MR_DECIMAL, i == 1 ? "\xff\x01" : "\x04\xd2");
    cells[5] = number(MR_TIMESTAMP_MS, i == 1 ? INT64_MAX : 1553372469000);
    cells[6] = number(MR_DATE, i == 1 ? INT32_MIN : 17978);
    cells[7] = text(MR_BYTES, "\xff\x80");
    cells[8] = (mr_cell){.type = MR_ARRAY, .len = 2, .as.cells = list};
}

static void check_rows(const mr_transform_result *result)
{
    const mr_batch *batch = &result->batch;
    for (size_t i = 0; i < batch->count; i++) {
        const mr_cell *value = batch->records[i].value;
        if (!value) {
            continue;
        }
        if (value->len != batch->schema->field_count) {
            abort();
        }
        for (size_t k = 0; k < value->len; k++) {
            const mr_schema *schema = batch->schema->fields[k].schema;
            const mr_cell *cell = &value->as.cells[k];
            if (schema->type == MR_UNION) {
                if (cell->branch >= schema->branch_count) {
                    abort();
                }
                schema = schema->branches[cell->branch];
            }
            if (cell->type != schema->type) {
                abort();
            }
        }
    }
}

/* How that error begins: a query may hold these words too, and be quoted in another one. */
#define REWRITTEN "the query rewritten as \""

static void run(const char *query, const mr_schema *schema)
{
    mr_error err;
    mr_transform *transform;
    if (mr_transform_new(query, "Row", &transform, &err) != MR_OK) {
        return;
    }
    mr_cell list[2] = {number(MR_LONG, 1), number(MR_LONG, -1)};
    mr_cell cells[RECORDS][FIELDS], values[RECORDS];
    mr_record records[RECORDS] = {{.op = MR_OP_CREATE}};
    for (int i = 0; i < RECORDS; i++) {
        fill(cells[i], i, list);
        values[i] = (mr_cell){.type = MR_RECORD, .len = FIELDS, .as.cells = cells[i]};
        records[i].value = i == 2 ? NULL : &values[i];
        records[i].before = i == 1 ? &values[0] : NULL;
        records[i].raw_key = (mr_slice){"key", 3};
    }
    mr_arena *arena = mr_arena_new();
    mr_batch batch = {.topic = "t", .schema = schema, .records = records, .count = RECORDS};
    mr_transform_result result;
    if (mr_transform_run(transform, &batch, arena, &result, &err) == MR_OK) {
        check_rows(&result);
    } else if (!*err.text || strncmp(err.text, REWRITTEN, strlen(REWRITTEN)) == 0) {
        abort(); /* what SQLite accepted must still be SQL when rewritten */
    }
    mr_transform_free(transform);
    mr_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const mr_schema *schema;
    mr_error err;
    if (!schema && mr_schema_parse(schema_json, strlen(schema_json), &schema, &err) != MR_OK) {
        abort();
    }
    if (size > 4096) {
        return -1;
    }
    char *query = malloc(size + 1);
    if (!query) {
        abort();
    }
    memcpy(query, data, size);
    query[size] = '\0';
    run(query, schema);
    free(query);
    return 0;
}
