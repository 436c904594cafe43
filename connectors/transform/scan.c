/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite's virtual table `record` (sqlite.org/vtab.html, "Eponymous-only virtual tables"): its rows
 * are the records of the batch at hand, nothing is copied. Text handed to SQLite points into the
 * batch, or for what must be written first into an arena that lasts as long as the row.
 */
#include "transform/scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "transform/cell_text.h"
#include "transform/decimal.h"

enum { JSON_MAX_BYTES = 16 << 20 };

typedef struct record_table {
    sqlite3_vtab base;
    mr_scan *scan;
} record_table;

typedef struct record_cursor {
    sqlite3_vtab_cursor base;
    mr_scan *scan;
} record_cursor;

static const char *affinity(mr_type type)
{
    switch (type) {
    case MR_STRING:
    case MR_UUID:
        return "TEXT";
    case MR_DOUBLE:
        return "REAL";
    case MR_BYTES:
        return "BLOB";
    case MR_DECIMAL:
        return "NUMERIC";
    case MR_NULL:
    case MR_SQL_ANY:
        return "";
    default:
        return "INTEGER";
    }
}

static int table_connect(sqlite3 *db, void *aux, int argc, const char *const *argv,
                         sqlite3_vtab **ret, char **error)
{
    (void)argc;
    (void)argv;
    mr_scan *scan = aux;
    const mr_columns *columns = scan->columns;
    mr_buffer sql = MR_BUFFER_INIT(4 << 20);
    mr_buffer_add_text(&sql, "CREATE TABLE x(");
    for (size_t i = 0; i < columns->count; i++) {
        mr_buffer_add_text(&sql, i ? ",\"" : "\"");
        for (const char *c = columns->items[i].name; *c; c++) {
            if (*c == '"') {
                mr_buffer_add_char(&sql, '"');
            }
            mr_buffer_add_char(&sql, *c);
        }
        if (columns->alike && mr_columns_find(columns, columns->items[i].name) != (int)i) {
            mr_buffer_printf(&sql, "\x01%zu", i); /* a name that no query can say */
        }
        mr_buffer_printf(&sql, "\" %s%s", affinity(columns->items[i].type.type),
                         i < columns->visible ? "" : " HIDDEN");
    }
    mr_buffer_add_char(&sql, ')');
    int rc = sqlite3_declare_vtab(db, mr_buffer_text(&sql));
    mr_buffer_release(&sql);
    if (rc == SQLITE_OK) {
        record_table *table = mr_calloc(1, sizeof *table);
        table->scan = scan;
        *ret = &table->base;
    } else {
        *error = sqlite3_mprintf("%s", sqlite3_errmsg(db));
    }
    return rc;
}

static int table_disconnect(sqlite3_vtab *base)
{
    free((record_table *)base);
    return SQLITE_OK;
}

static int table_best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
    (void)base;
    info->estimatedCost = 1e6;
    info->estimatedRows = 1000000;
    return SQLITE_OK;
}

static int cursor_open(sqlite3_vtab *base, sqlite3_vtab_cursor **ret)
{
    mr_scan *scan = ((record_table *)base)->scan;
    if (scan->open) { /* the parser lets no such query through; rows would lose their origin */
        base->zErrMsg = sqlite3_mprintf("record is read twice");
        return SQLITE_ERROR;
    }
    record_cursor *cursor = mr_calloc(1, sizeof *cursor);
    cursor->scan = scan;
    scan->open = true;
    *ret = &cursor->base;
    return SQLITE_OK;
}

static int cursor_close(sqlite3_vtab_cursor *base)
{
    ((record_cursor *)base)->scan->open = false;
    free((record_cursor *)base);
    return SQLITE_OK;
}

/* On to the next record of the kind wanted, from scan->row on. */
static void settle(mr_scan *scan)
{
    const mr_batch *batch = scan->batch;
    while (scan->row < batch->count &&
           (batch->records[scan->row].value == NULL) != scan->valueless) {
        scan->row++;
    }
    scan->steps = 0;
    if (mr_arena_used(scan->scratch)) {
        mr_arena_reset(scan->scratch);
    }
}

static int cursor_filter(sqlite3_vtab_cursor *base, int index, const char *text, int argc,
                         sqlite3_value **argv)
{
    (void)index;
    (void)text;
    (void)argc;
    (void)argv;
    mr_scan *scan = ((record_cursor *)base)->scan;
    scan->row = scan->start;
    settle(scan);
    return SQLITE_OK;
}

static int cursor_next(sqlite3_vtab_cursor *base)
{
    mr_scan *scan = ((record_cursor *)base)->scan;
    scan->row++;
    settle(scan);
    return SQLITE_OK;
}

static int cursor_eof(sqlite3_vtab_cursor *base)
{
    const mr_scan *scan = ((record_cursor *)base)->scan;
    return scan->row >= scan->batch->count;
}

static int cursor_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *ret)
{
    *ret = (sqlite3_int64)((record_cursor *)base)->scan->row;
    return SQLITE_OK;
}

/* --- values --- */

static void result_text(sqlite3_context *context, const char *text, size_t len)
{
    sqlite3_result_text64(context, len ? text : "", len, SQLITE_STATIC, SQLITE_UTF8);
}

/* What is in the row's arena SQLite must copy: a sub-query that aggregates over the wrong table
 * would keep it beyond the row (found under ASan). */
static void result_copied(sqlite3_context *context, const char *text, size_t len)
{
    sqlite3_result_text64(context, len ? text : "", len, SQLITE_TRANSIENT, SQLITE_UTF8);
}

/* Keeps what `out` holds as long as the row lasts. */
static const char *keep(mr_scan *scan, mr_buffer *out)
{
    const char *text = out->failed ? NULL : mr_arena_copy(scan->scratch, out->data, out->len);
    return text;
}

static void result_written(sqlite3_context *context, mr_buffer *out)
{
    if (out->failed) {
        sqlite3_result_error_toobig(context);
    } else {
        result_copied(context, out->data, out->len);
    }
    mr_buffer_release(out);
}

static void result_uuid(sqlite3_context *context, const mr_cell *cell)
{
    if (cell->len != 16) {
        result_text(context, cell->as.text, cell->len);
        return;
    }
    char text[36];
    mr_uuid_text(cell->as.text, text);
    result_copied(context, text, sizeof text);
}

void mr_scan_result(sqlite3_context *context, const mr_schema *schema, const mr_cell *cell)
{
    switch (cell->type) {
    case MR_NULL:
        sqlite3_result_null(context);
        break;
    case MR_FLOAT:
    case MR_DOUBLE:
        sqlite3_result_double(context, cell->as.d);
        break;
    case MR_STRING:
    case MR_ENUM:
        result_text(context, cell->as.text, cell->len);
        break;
    case MR_BYTES:
    case MR_FIXED:
    case MR_DURATION:
        sqlite3_result_blob64(context, cell->len ? cell->as.text : "", cell->len, SQLITE_STATIC);
        break;
    case MR_UUID:
        result_uuid(context, cell);
        break;
    case MR_DECIMAL: {
        mr_buffer text = MR_BUFFER_INIT(1 << 20);
        mr_decimal_print_bytes(cell->as.text, cell->len, mr_cell_schema(schema, cell)->scale,
                               &text);
        result_written(context, &text);
        break;
    }
    case MR_RECORD:
    case MR_ARRAY:
    case MR_MAP: {
        mr_buffer text = MR_BUFFER_INIT(JSON_MAX_BYTES);
        mr_cell_json(schema, cell, &text);
        result_written(context, &text);
        break;
    }
    default:
        sqlite3_result_int64(context, mr_cell_integer(cell));
        break;
    }
}

const mr_cell *mr_scan_cell(const mr_columns *columns, const mr_cell *value, int column)
{
    static const mr_cell null = {.type = MR_NULL};
    if (!value) {
        return &null;
    }
    if (columns->whole) {
        return value;
    }
    return value->type == MR_RECORD && (uint32_t)column < value->len ? &value->as.cells[column]
                                                                     : &null;
}

static const char *key_text(mr_scan *scan, const mr_record *record, size_t *len)
{
    const mr_schema *schema = scan->batch->key_schema;
    if (!schema || !record->key) {
        *len = record->raw_key.len;
        return record->raw_key.data && !*len ? "" : record->raw_key.data;
    }
    const mr_cell *key = record->key;
    if (key->type == MR_NULL) {
        return NULL;
    }
    if (key->type == MR_STRING || key->type == MR_ENUM ||
        (key->type == MR_UUID && key->len == 36)) {
        *len = key->len;
        return key->len ? key->as.text : "";
    }
    mr_buffer text = MR_BUFFER_INIT(JSON_MAX_BYTES);
    mr_cell_json(schema, key, &text);
    const char *kept = keep(scan, &text);
    *len = text.len;
    mr_buffer_release(&text);
    if (kept && *len >= 2 && kept[0] == '"') { /* uuid, decimal, bytes: their text */
        kept++;
        *len -= 2;
    }
    return kept;
}

static const char *headers_text(mr_scan *scan, const mr_record *record, size_t *len)
{
    mr_buffer text = MR_BUFFER_INIT(JSON_MAX_BYTES);
    mr_buffer_add_char(&text, '{');
    for (uint32_t i = 0; i < record->header_count; i++) {
        const mr_header *header = &record->headers[i];
        if (i) {
            mr_buffer_add_char(&text, ',');
        }
        mr_json_text(header->name, strlen(header->name), &text);
        mr_buffer_add_char(&text, ':');
        if (header->value.data && mr_utf8_valid(header->value.data, header->value.len)) {
            mr_json_text(header->value.data, header->value.len, &text);
        } else {
            mr_buffer_add_text(&text, "null");
        }
    }
    mr_buffer_add_char(&text, '}');
    const char *kept = keep(scan, &text);
    *len = text.len;
    mr_buffer_release(&text);
    return kept;
}

const char *mr_scan_meta_text(mr_scan *scan, mr_meta meta, size_t *len)
{
    const mr_record *record = &scan->batch->records[scan->row];
    const char *text;
    switch (meta) {
    case MR_META_OP:
        text = mr_op_name(record->op);
        break;
    case MR_META_TOPIC:
        text = scan->batch->topic;
        break;
    case MR_META_KEY:
        return key_text(scan, record, len);
    default:
        return headers_text(scan, record, len);
    }
    *len = text ? strlen(text) : 0;
    return text;
}

static void result_meta(sqlite3_context *context, mr_scan *scan, mr_meta meta)
{
    const mr_record *record = &scan->batch->records[scan->row];
    size_t len = 0;
    if (meta == MR_META_PARTITION) {
        sqlite3_result_int64(context, record->partition);
    } else if (meta == MR_META_OFFSET) {
        sqlite3_result_int64(context, record->offset);
    } else if (meta == MR_META_TIMESTAMP) {
        if (record->timestamp_ms >= 0 && record->timestamp_ms <= INT64_MAX / 1000) {
            sqlite3_result_int64(context, record->timestamp_ms * 1000);
        }
    } else {
        const char *text = mr_scan_meta_text(scan, meta, &len);
        if (text) {
            result_copied(context, text, len);
        }
    }
}

/* A nested value: written once per row however often the query names it. */
static void result_nested(sqlite3_context *context, mr_scan *scan, int column, const mr_cell *cell)
{
    mr_scan_json *json = &scan->json[column];
    if (json->row != scan->row + 1) {
        mr_buffer text = MR_BUFFER_INIT(JSON_MAX_BYTES);
        mr_cell_json(scan->columns->items[column].schema, cell, &text);
        *json = (mr_scan_json){scan->row + 1, keep(scan, &text), text.len};
        mr_buffer_release(&text);
    }
    if (json->text) {
        result_copied(context, json->text, json->len);
    } else {
        sqlite3_result_error_toobig(context);
    }
}

static int cursor_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
    mr_scan *scan = ((record_cursor *)base)->scan;
    const mr_column *c = &scan->columns->items[column];
    const mr_record *record = &scan->batch->records[scan->row];
    if (c->meta != MR_META_NONE) {
        result_meta(context, scan, c->meta);
        return SQLITE_OK;
    }
    if (!c->schema) {
        return SQLITE_OK; /* no schema is known: NULL */
    }
    const mr_cell *cell = mr_scan_cell(scan->columns, record->value, column);
    if (cell->type == MR_RECORD || cell->type == MR_ARRAY || cell->type == MR_MAP) {
        result_nested(context, scan, column, cell);
    } else {
        mr_scan_result(context, c->schema, cell);
    }
    return SQLITE_OK;
}

int mr_scan_register(sqlite3 *db, mr_scan *scan)
{
    /* No xCreate: the table is there under its module's name, and can not be created. */
    static const sqlite3_module module = {
        .xConnect = table_connect,
        .xBestIndex = table_best_index,
        .xDisconnect = table_disconnect,
        .xOpen = cursor_open,
        .xClose = cursor_close,
        .xFilter = cursor_filter,
        .xNext = cursor_next,
        .xEof = cursor_eof,
        .xColumn = cursor_column,
        .xRowid = cursor_rowid,
    };
    return sqlite3_create_module_v2(db, "record", &module, scan, NULL);
}
