/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a user may set, and the names of tables taken apart the way SQL reads them, but for one
 * thing: case is kept, because fields of records keep theirs.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "sinks/postgres/postgres.h"

enum { IDENTIFIER_MAX_BYTES = 63 }; /* NAMEDATALEN - 1 */

static const char *const insert_modes[] = {"auto", "insert", "upsert", "update", NULL};
static const char *const truths[] = {"auto", "true", "false", NULL};

const mr_option pg_options[] = {
    MR_TEXT("connection.url", pg_sink, url, NULL, MR_OPT_REQUIRED | MR_OPT_SECRET,
            "Where the database is: postgresql://user:password@host:5432/database, or keywords as "
            "libpq reads them (host=... dbname=...). What it leaves out is taken from PGUSER, "
            "PGPASSWORD, PGSERVICE, ~/.pgpass and so on."),
    MR_TIME("connect.timeout.ms", pg_sink, connect_timeout_ms, "10s", 100, 600000, 0,
            "How long one attempt to connect may take. The task tries again, with longer and "
            "longer pauses, for as long as the database is away."),
    MR_TIME("statement.timeout.ms", pg_sink, statement_timeout_ms, "10m", 1000, 86400000, 0,
            "How long one statement may take before it is cancelled and its epoch is done again. "
            "Raise it when merges into a large table are cancelled."),
    MR_TIME("lock.timeout.ms", pg_sink, lock_timeout_ms, "10s", 100, 86400000, 0,
            "How long one statement may wait for a lock before it is cancelled and its epoch is "
            "done again, with longer and longer pauses, for as long as the lock is held; the log "
            "says by whom. An ALTER TABLE that waits (auto.evolve) makes others wait behind it. "
            "Above statement.timeout.ms it has no effect."),
    MR_INTEGER("tables.max", pg_sink, tables_max, "1000", 1, 10000, 0,
               "How many tables a task may write to where the table's name depends on the topic or "
               "on the record. The next one ends the run: a field that makes a table of every "
               "record is a mistake."),
    MR_TEXT("offsets.schema", pg_sink, offsets_schema, "millrace", 0,
            "Schema of the table that holds the Kafka offsets, written in the same transaction "
            "as the rows. Made when it is missing."),
    MR_OPTIONS_END,
};

const mr_option pg_route_options_table[] = {
    MR_TEXT("table", pg_route_options, table, NULL, 0,
            "Table to write, also as schema.table; quote a name that has a dot in it. Upper and "
            "lower case count. {topic} stands for the topic's name, {topic:underscored} for that "
            "with _ for its dots, {field:name} for the value of a field, text or integer, in the "
            "record: \"shop.{topic}_{field:country}\". Each is a piece of one name, whatever dots "
            "are in it. Default: {topic}."),
    MR_CHOICE(
        "insert.mode", pg_route_options, insert_mode, "auto", insert_modes, 0,
        "insert appends each record; upsert writes one row for each key, the last record of "
        "a key wins; update changes rows that are there, passes over the others and counts them "
        "(rows_missing); auto is "
        "upsert when key.fields is given, else insert."),
    MR_LIST("key.fields", pg_route_options, key_fields, NULL, 0,
            "Fields that identify a row. The table needs a primary key or unique index on just "
            "these columns; auto.create makes one."),
    MR_CHOICE("delete.enabled", pg_route_options, delete_enabled, "auto", truths, 0,
              "What a delete does: a record without a value (tombstone), or one that says that its "
              "row is gone. true: the row of its key is deleted; false: it is passed over; auto: "
              "true with upsert and update, while insert has no key and rejects it."),
    MR_TEXT("version.field", pg_route_options, version_field, NULL, 0,
            "A field that grows with each change of a row, such as a time or a counter: a record "
            "with a lower one than the row has does not overwrite it. With upsert and update."),
    MR_BOOLEAN("auto.create", pg_route_options, auto_create, "false", 0,
               "Create the table from the record's schema when it is missing."),
    MR_CHOICE("auto.evolve", pg_route_options, auto_evolve, "auto", truths, 0,
              "Change the table when the schema of the records has: columns are added, integer "
              "becomes bigint, real double precision, numeric and varchar wider, enums get new "
              "labels, and NOT NULL goes where records may have null. Nothing is dropped. auto: as "
              "auto.create."),
    MR_OPTIONS_END,
};

static mr_status refuse(mr_error *err, const char *option, const char *text)
{
    mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG, "%s", text);
    mr_error_field(err, option);
    return MR_FATAL;
}

static mr_status check_route(const pg_route_options *o, mr_error *err)
{
    bool keyed = pg_keyed(o);
    if (keyed && !o->key_fields.count) {
        return refuse(
            err, "key.fields",
            o->insert_mode == PG_UPDATE
                ? "insert.mode is update, but key.fields names no field: say which fields "
                  "identify a row, such as \"key.fields\": [\"trip_id\"]"
                : "insert.mode is upsert, but key.fields names no field: say which fields "
                  "identify a row, such as \"key.fields\": [\"trip_id\"]");
    }
    if (!keyed && o->delete_enabled == PG_DELETES_ON) {
        return refuse(err, "delete.enabled",
                      "delete.enabled is true, but insert has no key to delete by: set "
                      "insert.mode=upsert with key.fields, or pass deletes over with false");
    }
    if (!keyed && o->version_field) {
        return refuse(err, "version.field",
                      "version.field is set, but insert never overwrites a row: set "
                      "insert.mode=upsert with key.fields, or leave it out");
    }
    for (size_t i = 0; o->version_field && i < o->key_fields.count; i++) {
        if (strcmp(o->key_fields.items[i], o->version_field) == 0) {
            return refuse(err, "version.field",
                          "version.field is one of key.fields: rows of one key all have the same");
        }
    }
    return o->table ? pg_table_check(o->table, err) : MR_OK;
}

mr_status pg_check(const void *state, const mr_route *routes, size_t count, mr_error *err)
{
    mr_status status = MR_OK;
    (void)state;
    for (size_t i = 0; i < count && status == MR_OK; i++) {
        status = check_route(routes[i].options, err);
    }
    return status;
}

char *pg_quote(const char *identifier)
{
    char *quoted = mr_alloc(2 * strlen(identifier) + 3);
    char *p = quoted;
    *p++ = '"';
    for (; *identifier; identifier++) {
        if (*identifier == '"') {
            *p++ = '"';
        }
        *p++ = *identifier;
    }
    *p++ = '"';
    *p = '\0';
    return quoted;
}

char *pg_quote_literal(const char *text)
{
    char *quoted = mr_alloc(2 * strlen(text) + 3);
    char *p = quoted;
    *p++ = '\'';
    for (; *text; text++) {
        if (*text == '\'') {
            *p++ = '\'';
        }
        *p++ = *text;
    }
    *p++ = '\'';
    *p = '\0';
    return quoted;
}

/* Reads one part, quoted or up to a dot; NULL: malformed. *text is moved behind it. */
static char *name_part(const char **text)
{
    const char *p = *text;
    char *part = mr_alloc(strlen(p) + 1);
    size_t len = 0;
    bool closed = true;
    if (*p == '"') {
        closed = false;
        for (p++; *p; p++) {
            if (*p == '"' && *++p != '"') {
                closed = true;
                break;
            }
            part[len++] = *p;
        }
    } else {
        for (; *p && *p != '.'; p++) {
            part[len++] = *p;
        }
    }
    part[len] = '\0';
    *text = p;
    if (!closed || !len || len > IDENTIFIER_MAX_BYTES) {
        free(part);
        return NULL;
    }
    return part;
}

mr_status pg_name_parse(const char *text, pg_name *ret, mr_error *err)
{
    *ret = (pg_name){0};
    const char *p = text;
    char *first = name_part(&p);
    char *second = NULL;
    if (first && *p == '.') {
        p++;
        second = name_part(&p);
        if (!second) {
            free(first);
            first = NULL;
        }
    }
    if (!first || *p) {
        free(first);
        free(second);
        return mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                       "'%s' is no name of a table: table or schema.table is expected, each part "
                       "of 1 to %d bytes; a part with a dot goes in double quotes",
                       text, IDENTIFIER_MAX_BYTES);
    }
    ret->schema = second ? first : NULL;
    ret->table = second ? second : first;
    char *table = pg_quote(ret->table);
    char *schema = second ? pg_quote(first) : NULL;
    ret->quoted = second ? mr_format("%s.%s", schema, table) : mr_strdup(table);
    free(table);
    free(schema);
    return MR_OK;
}

void pg_name_release(pg_name *name)
{
    free(name->schema);
    free(name->table);
    free(name->quoted);
    *name = (pg_name){0};
}
