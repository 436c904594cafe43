/* SPDX-License-Identifier: Apache-2.0 */
/* Cells as JSON and as text. Whole recursion is bounded by JSON_DEPTH_MAX; schemas may be
 * recursive, so data decides the depth. */
#include "transform/cell_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/bson.h"
#include "codec/bson_shape.h"
#include "transform/decimal.h"

enum { JSON_DEPTH_MAX = 128 };

const mr_schema *mr_cell_schema(const mr_schema *schema, const mr_cell *cell)
{
    if (schema->type == MR_UNION) {
        return cell->branch < schema->branch_count ? schema->branches[cell->branch]
                                                   : mr_schema_strip_null(schema);
    }
    return schema;
}

int64_t mr_cell_integer(const mr_cell *cell)
{
    bool is_ms = cell->type == MR_TIMESTAMP_MS || cell->type == MR_LOCAL_TIMESTAMP_MS ||
                 cell->type == MR_TIME_MS;
    if (!is_ms) {
        return cell->as.i;
    }
    if (cell->as.i > INT64_MAX / 1000 || cell->as.i < INT64_MIN / 1000) {
        return cell->as.i > 0 ? INT64_MAX : INT64_MIN; /* 292,000 years away */
    }
    return cell->as.i * 1000;
}

static void json_char(unsigned char c, mr_buffer *out)
{
    if (c == '"' || c == '\\') {
        mr_buffer_add_char(out, '\\');
        mr_buffer_add_char(out, (char)c);
    } else {
        mr_buffer_printf(out, "\\u%04x", c);
    }
}

static void json_bytes(const char *data, size_t len, mr_buffer *out)
{
    mr_buffer_add_char(out, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)data[i];
        if (c < 0x20 || c >= 0x7F || c == '"' || c == '\\') {
            json_char(c, out);
        } else {
            mr_buffer_add_char(out, (char)c);
        }
    }
    mr_buffer_add_char(out, '"');
}

static void json_double(double value, mr_buffer *out)
{
    char text[32];
    if (isfinite(value)) {
        mr_buffer_add(out, text, mr_double_text(value, text));
    } else {
        mr_buffer_add_text(out, "null");
    }
}

/* Ids and decimals of documents (codec/bson_shape.h) are their digits, so that a key reads as
 * people know it; other fixed types are their bytes. */
static void json_fixed(const mr_schema *schema, const mr_cell *cell, mr_buffer *out)
{
    char text[MR_DECIMAL128_TEXT_BYTES];
    const char *name = schema->name ? schema->name : "";
    if (strcmp(name, MR_OBJECT_ID_NAME) == 0 && cell->len == MR_OBJECT_ID_BYTES) {
        mr_object_id_text(cell->as.text, text);
        mr_json_text(text, 24, out);
    } else if (strcmp(name, MR_DECIMAL128_NAME) == 0 && cell->len == MR_DECIMAL128_BYTES) {
        mr_json_text(text, mr_decimal128_text(cell->as.text, text), out);
    } else {
        json_bytes(cell->as.text, cell->len, out);
    }
}

static void json_cell(const mr_schema *schema, const mr_cell *cell, mr_buffer *out, int depth);

static void json_children(const mr_schema *schema, const mr_cell *cell, mr_buffer *out, int depth)
{
    bool is_array = cell->type == MR_ARRAY, is_map = cell->type == MR_MAP;
    mr_buffer_add_char(out, is_array ? '[' : '{');
    for (uint32_t i = 0; i < cell->len && (is_array || is_map || i < schema->field_count); i++) {
        if (i) {
            mr_buffer_add_char(out, ',');
        }
        const mr_cell *child = &cell->as.cells[is_map ? 2 * i + 1 : i];
        if (is_map) {
            mr_json_text(child[-1].as.text, child[-1].len, out);
            mr_buffer_add_char(out, ':');
        } else if (!is_array) {
            mr_json_text(schema->fields[i].name, strlen(schema->fields[i].name), out);
            mr_buffer_add_char(out, ':');
        }
        json_cell(is_array || is_map ? schema->items : schema->fields[i].schema, child, out,
                  depth + 1);
    }
    mr_buffer_add_char(out, is_array ? ']' : '}');
}

static void json_cell(const mr_schema *schema, const mr_cell *cell, mr_buffer *out, int depth)
{
    schema = mr_cell_schema(schema, cell);
    if (depth > JSON_DEPTH_MAX || cell->type == MR_NULL) {
        mr_buffer_add_text(out, "null");
        return;
    }
    char text[40];
    switch (cell->type) {
    case MR_BOOL:
        mr_buffer_add_text(out, cell->as.i ? "true" : "false");
        break;
    case MR_FLOAT:
    case MR_DOUBLE:
        json_double(cell->as.d, out);
        break;
    case MR_STRING:
    case MR_ENUM:
        mr_json_text(cell->as.text, cell->len, out);
        break;
    case MR_UUID:
        if (cell->len == 16) {
            mr_uuid_text(cell->as.text, text);
            mr_json_text(text, 36, out);
        } else {
            mr_json_text(cell->as.text, cell->len, out);
        }
        break;
    case MR_DECIMAL:
        mr_buffer_add_char(out, '"');
        mr_decimal_print_bytes(cell->as.text, cell->len, schema->scale, out);
        mr_buffer_add_char(out, '"');
        break;
    case MR_FIXED:
        json_fixed(schema, cell, out);
        break;
    case MR_BYTES:
    case MR_DURATION:
        json_bytes(cell->as.text, cell->len, out);
        break;
    case MR_RECORD:
    case MR_ARRAY:
    case MR_MAP:
        json_children(schema, cell, out, depth);
        break;
    default:
        mr_buffer_printf(out, "%lld", (long long)mr_cell_integer(cell));
        break;
    }
}

void mr_cell_json(const mr_schema *schema, const mr_cell *cell, mr_buffer *out)
{
    json_cell(schema, cell, out, 0);
}
