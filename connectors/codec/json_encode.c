/* SPDX-License-Identifier: Apache-2.0 */
/* Cells to JSON text, schema and cell side by side. See json.h. */
#include <math.h>
#include <string.h>

#include "codec/avro_plan.h"
#include "codec/bson.h"
#include "codec/bson_shape.h"
#include "codec/json.h"
#include "codec/json_scan.h"
#include "codec/pgcopy.h"
#include "codec/text.h"
#include "codec/trail.h"

typedef struct writing {
    mr_buffer *out;
    mr_json_dialect dialect;
    int depth;
    mr_trail trail;
} writing;

#define FAIL(w, ...) mr_trail_reason(&(w)->trail, __VA_ARGS__)

static bool put(writing *w, const mr_schema *schema, const mr_cell *cell);

/* --- Numbers and text ------------------------------------------------------------------------- */

static bool put_real(writing *w, const mr_schema *schema, const mr_cell *cell)
{
    char text[MR_NUMBER_TEXT_BYTES];
    double d = cell->type == MR_FLOAT || cell->type == MR_DOUBLE ? cell->as.d : (double)cell->as.i;
    if (!isfinite(d)) {
        mr_buffer_add_text(w->out, isnan(d) ? "\"NaN\"" : d > 0 ? "\"Infinity\"" : "\"-Infinity\"");
        return true;
    }
    size_t len = schema->base == MR_FLOAT ? mr_float_text((float)d, text) : mr_double_text(d, text);
    mr_buffer_add(w->out, text, len);
    if (!memchr(text, '.', len) && !memchr(text, 'e', len)) {
        mr_buffer_add_text(w->out, ".0"); /* a real stays one for readers without a schema */
    }
    return true;
}

static bool put_text(writing *w, const mr_cell *cell)
{
    if (!mr_utf8_valid(cell->as.text, cell->len)) {
        return FAIL(w, "the text is not UTF-8, which JSON needs");
    }
    mr_json_text(cell->as.text, cell->len, w->out);
    return true;
}

static void put_quoted(writing *w, const char *text, size_t len)
{
    mr_buffer_add_char(w->out, '"');
    mr_buffer_add(w->out, text, len);
    mr_buffer_add_char(w->out, '"');
}

static bool put_bytes(writing *w, const mr_cell *cell)
{
    mr_buffer_add_char(w->out, '"');
    mr_base64(cell->as.text, cell->len, w->out);
    mr_buffer_add_char(w->out, '"');
    return true;
}

static bool put_uuid(writing *w, const mr_cell *cell)
{
    char text[MR_UUID_TEXT_BYTES];
    if (cell->len != MR_UUID_BYTES) {
        return put_text(w, cell);
    }
    mr_uuid_text(cell->as.text, text);
    put_quoted(w, text, sizeof text);
    return true;
}

static bool put_decimal(writing *w, const mr_schema *schema, const mr_cell *cell)
{
    if (w->dialect == MR_JSON_CONNECT) {
        return put_bytes(w, cell);
    }
    mr_buffer_add_char(w->out, '"');
    bool ok = mr_pg_decimal_text(w->out, cell->as.text, cell->len, schema->scale);
    mr_buffer_add_char(w->out, '"');
    return ok || FAIL(w, "a decimal of %u bytes is too long", cell->len);
}

/* Ids and decimals of documents by their digits. */
static bool put_fixed(writing *w, const mr_schema *schema, const mr_cell *cell)
{
    char text[MR_DECIMAL128_TEXT_BYTES];
    if (schema->name && strcmp(schema->name, MR_OBJECT_ID_NAME) == 0 &&
        cell->len == MR_OBJECT_ID_BYTES) {
        mr_object_id_text(cell->as.text, text);
        put_quoted(w, text, 2 * (size_t)MR_OBJECT_ID_BYTES);
        return true;
    }
    if (schema->name && strcmp(schema->name, MR_DECIMAL128_NAME) == 0 &&
        cell->len == MR_DECIMAL128_BYTES) {
        put_quoted(w, text, mr_decimal128_text(cell->as.text, text));
        return true;
    }
    return put_bytes(w, cell);
}

static bool put_duration(writing *w, const mr_cell *cell)
{
    uint32_t n[3];
    if (w->depth >= MR_JSON_DEPTH_MAX) {
        return FAIL(w, "nested deeper than %d", MR_JSON_DEPTH_MAX);
    }
    for (size_t i = 0; i < 3; i++) {
        const unsigned char *b = (const unsigned char *)cell->as.text + 4 * i;
        n[i] = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    }
    mr_buffer_printf(w->out, "{\"months\":%u,\"days\":%u,\"milliseconds\":%u}", n[0], n[1], n[2]);
    return true;
}

/* --- Times ------------------------------------------------------------------------------------ */

/* Is the time one that text can say: within a day, or the years 1 to 9999? */
static bool has_text(mr_type type, int64_t i)
{
    const int64_t first_s = INT64_C(-62135596800), end_s = INT64_C(253402300800);
    const int64_t day_s = 86400;
    switch (type) {
    case MR_DATE:
        return i >= first_s / day_s && i < end_s / day_s;
    case MR_TIME_MS:
        return i >= 0 && i < day_s * 1000;
    case MR_TIME_US:
        return i >= 0 && i < day_s * 1000000;
    case MR_TIMESTAMP_MS:
    case MR_LOCAL_TIMESTAMP_MS:
        return i >= first_s * 1000 && i < end_s * 1000;
    default:
        return i >= first_s * 1000000 && i < end_s * 1000000;
    }
}

static bool put_time(writing *w, mr_type type, int64_t i)
{
    bool number = w->dialect == MR_JSON_CONNECT && type != MR_TIMESTAMP_US;
    if (!number && w->dialect == MR_JSON_CONNECT && !has_text(type, i)) {
        return FAIL(w, "the time is outside the years 1 to 9999, and text here");
    }
    if (number || !has_text(type, i)) {
        mr_int_text(i, w->out);
        return true;
    }
    mr_buffer_add_char(w->out, '"');
    switch (type) {
    case MR_DATE:
        mr_pg_date_text(w->out, i);
        break;
    case MR_TIME_MS:
    case MR_TIME_US:
        mr_pg_time_text(w->out, type == MR_TIME_MS ? i * 1000 : i);
        break;
    case MR_TIMESTAMP_MS:
    case MR_LOCAL_TIMESTAMP_MS:
        mr_pg_timestamp_text(w->out, i * 1000, type == MR_TIMESTAMP_MS);
        break;
    default:
        mr_pg_timestamp_text(w->out, i, type == MR_TIMESTAMP_US);
    }
    mr_buffer_add_char(w->out, '"');
    return true;
}

/* --- Several values --------------------------------------------------------------------------- */

static bool put_items(writing *w, const mr_schema *schema, const mr_cell *cell)
{
    bool map = schema->type == MR_MAP;
    const mr_cell *at = cell->as.cells;
    mr_buffer_add_char(w->out, map ? '{' : '[');
    for (uint32_t i = 0; i < cell->len; i++) {
        bool ok = true;
        if (i) {
            mr_buffer_add_char(w->out, ',');
        }
        if (map) {
            ok = at->type == MR_STRING ? put_text(w, at) : FAIL(w, "a key of a map must be text");
            mr_buffer_add_char(w->out, ':');
            at++;
        }
        if (!ok || !put(w, schema->items, at++)) {
            return mr_trail_inside_item(&w->trail, i);
        }
    }
    mr_buffer_add_char(w->out, map ? '}' : ']');
    return true;
}

static bool put_record(writing *w, const mr_schema *schema, const mr_cell *cell)
{
    const mr_cell *first = cell->as.cells;
    bool json = schema->name && strcmp(schema->name, MR_JSON_NAME) == 0 && cell->len == 1 &&
                first->type == MR_STRING;
    if (json && w->dialect == MR_JSON_CONNECT) {
        return put_text(w, first);
    }
    const mr_slice text = {json ? first->as.text : "", json ? first->len : 0};
    if (json && mr_json_valid_at(text, w->depth - 1)) { /* in the place of the record */
        return mr_json_compact(text, w->out);
    }
    mr_buffer_add_char(w->out, '{');
    for (size_t i = 0; i < schema->field_count; i++) {
        const char *name = schema->fields[i].name; /* of an Avro schema: nothing to escape */
        mr_buffer_add_text(w->out, i ? ",\"" : "\"");
        mr_buffer_add_text(w->out, name);
        mr_buffer_add_text(w->out, "\":");
        if (!put(w, schema->fields[i].schema, &first[i])) {
            return mr_trail_inside(&w->trail, name);
        }
    }
    mr_buffer_add_char(w->out, '}');
    return true;
}

static bool put_nested(writing *w, const mr_schema *schema, const mr_cell *cell)
{
    if (w->depth >= MR_JSON_DEPTH_MAX) {
        return FAIL(w, "nested deeper than %d", MR_JSON_DEPTH_MAX);
    }
    w->depth++;
    bool ok = schema->type == MR_RECORD ? put_record(w, schema, cell) : put_items(w, schema, cell);
    w->depth--;
    return ok;
}

/* --- One value -------------------------------------------------------------------------------- */

static bool misfit(writing *w, const mr_schema *schema, const mr_cell *cell)
{
    return FAIL(w, "a value of type %s where %s is expected", mr_type_name((mr_type)cell->type),
                mr_type_name(schema->type));
}

static bool put_whole(writing *w, const mr_cell *cell)
{
    mr_int_text(cell->as.i, w->out);
    return true;
}

static bool put_word(writing *w, const char *word)
{
    mr_buffer_add_text(w->out, word);
    return true;
}

static bool put(writing *w, const mr_schema *schema, const mr_cell *cell)
{
    if (schema->type == MR_UNION) {
        int branch = mr_avro_choose(schema, cell);
        if (branch < 0) {
            return misfit(w, schema, cell);
        }
        schema = schema->branches[branch];
    } else if (!mr_avro_fits(schema, cell)) {
        return misfit(w, schema, cell);
    }
    switch (schema->type) {
    case MR_NULL:
        return put_word(w, "null");
    case MR_BOOL:
        return put_word(w, cell->as.i ? "true" : "false");
    case MR_INT:
    case MR_LONG:
        return put_whole(w, cell);
    case MR_FLOAT:
    case MR_DOUBLE:
        return put_real(w, schema, cell);
    case MR_STRING:
    case MR_ENUM:
        return put_text(w, cell);
    case MR_BYTES:
        return put_bytes(w, cell);
    case MR_FIXED:
        return put_fixed(w, schema, cell);
    case MR_DECIMAL:
        return put_decimal(w, schema, cell);
    case MR_UUID:
        return put_uuid(w, cell);
    case MR_DURATION:
        return put_duration(w, cell);
    case MR_ARRAY:
    case MR_MAP:
    case MR_RECORD:
        return put_nested(w, schema, cell);
    default:
        return put_time(w, schema->type, cell->as.i);
    }
}

mr_status mr_json_encode(const mr_schema *schema, mr_json_dialect dialect, const mr_cell *cell,
                         mr_buffer *out, mr_error *err)
{
    writing w = {.out = out, .dialect = dialect};
    size_t before = out->len;
    bool failed_before = out->failed;
    mr_trail_start(&w.trail);
    bool ok = put(&w, schema, cell);
    if (ok && out->failed) {
        ok = FAIL(&w, "the record is larger than the buffer's limit of %zu bytes", out->limit);
    }
    if (ok) {
        return MR_OK;
    }
    out->len = before;
    out->failed = failed_before;
    const char *path = mr_trail_path(&w.trail);
    mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD, "a record of schema %s%s%s cannot be written: %s",
            schema->name ? schema->name : mr_type_name(schema->type), *path ? ", field " : "", path,
            w.trail.reason);
    mr_error_field(err, path);
    return MR_REJECT;
}
