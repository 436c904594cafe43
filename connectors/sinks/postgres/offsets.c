/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kafka offsets beside the rows they cover, and the claim that fences a stale owner.
 *
 * recover() writes a claim of its own into each partition's line and reads the offset stored there;
 * commit() moves the offset in the same transaction as the rows, but only where the claim is still
 * its own. A task that lost a partition and does not know it yet finds no line to update, so its
 * rows are rolled back, also those of an append-only table. Lines are locked in the order of topic
 * and partition, so that two tasks wait for each other in one direction only.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "sinks/postgres/postgres.h"

static void make_claim(char claim[40])
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        abort();
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        snprintf(claim + 2 * i, 3, "%02x", bytes[i]);
    }
}

/* The statements that make the table, also shown to users whose role may not. */
static char *create_sql(const pg_sink *sink)
{
    char *schema = pg_quote(sink->offsets_schema);
    char *sql =
        mr_format("CREATE SCHEMA IF NOT EXISTS %s; "
                  "CREATE TABLE IF NOT EXISTS %s ("
                  "connector text NOT NULL, topic text NOT NULL, partition integer NOT NULL, "
                  "next_offset bigint, claim text NOT NULL, "
                  "claimed_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz, "
                  "PRIMARY KEY (connector, topic, partition)) WITH (fillfactor = 50)",
                  schema, sink->offsets_table);
    free(schema);
    return sql;
}

static mr_status offsets_table_there(pg_sink *sink, bool *ret, mr_error *err)
{
    const char *values[] = {sink->offsets_table};
    pg_auto_result *result = NULL;
    mr_status status = pg_query(sink, "SELECT pg_catalog.to_regclass($1) IS NOT NULL", 1, values,
                                "cannot look for the offsets table", &result, err);
    *ret = status == MR_OK && PQgetvalue(result, 0, 0)[0] == 't';
    return status;
}

mr_status pg_offsets_open(pg_sink *sink, mr_task *task, mr_error *err)
{
    char *schema = pg_quote(sink->offsets_schema);
    free(sink->offsets_table);
    sink->offsets_table = mr_format("%s.\"offsets\"", schema);
    free(schema);
    bool there;
    mr_status status = offsets_table_there(sink, &there, err);
    if (status != MR_OK || there) {
        return status;
    }
    /* IF NOT EXISTS is no protection against another task doing the same at the same time. */
    char *create = create_sql(sink);
    char *sql = mr_format("BEGIN; SELECT pg_catalog.pg_advisory_xact_lock(" PG_DDL_LOCK "); "
                          "%s; COMMIT",
                          create);
    status = pg_run(sink, sql, "cannot make the offsets table", err);
    free(sql);
    if (status == MR_OK) {
        mr_task_info(task, "created table %s for Kafka offsets", sink->offsets_table);
    } else {
        mr_error rolled;
        if (pg_run(sink, "ROLLBACK", "cannot roll back", &rolled) != MR_OK) {
            status = MR_REOPEN;
        }
    }
    if (status == MR_FATAL) {
        status = mr_fail(err, MR_FATAL, MR_DOMAIN_POSTGRES,
                         "the offsets table %s is missing and this role may not make it; run as "
                         "the database's owner: %s; GRANT USAGE ON SCHEMA %s and GRANT SELECT, "
                         "INSERT, UPDATE ON %s to role %s",
                         sink->offsets_table, create, sink->offsets_schema, sink->offsets_table,
                         PQuser(sink->connection));
        mr_error_code(err, 0, "42501");
        if (err) {
            err->permanent = true;
        }
    }
    free(create);
    return status;
}

/* --- Arrays of partitions as parameters --- */

static void add_array_text(mr_buffer *out, const char *text)
{
    mr_buffer_add_char(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') {
            mr_buffer_add_char(out, '\\');
        }
        mr_buffer_add_char(out, *text);
    }
    mr_buffer_add_char(out, '"');
}

typedef struct lists {
    mr_buffer topics, partitions, offsets;
    mr_buffer tables, signatures; /* of what this epoch has written to */
} lists;

static void lists_init(lists *l, const mr_offsets *offsets)
{
    mr_buffer_init(&l->topics, 1 << 26);
    mr_buffer_init(&l->partitions, 1 << 26);
    mr_buffer_init(&l->offsets, 1 << 26);
    for (size_t i = 0; i < offsets->count; i++) {
        char separator = i ? ',' : '{';
        mr_buffer_add_char(&l->topics, separator);
        add_array_text(&l->topics, offsets->items[i].topic);
        mr_buffer_printf(&l->partitions, "%c%d", separator, offsets->items[i].partition);
        mr_buffer_printf(&l->offsets, "%c%" PRId64, separator, offsets->items[i].next);
    }
    const char *end = offsets->count ? "}" : "{}";
    mr_buffer_add_text(&l->topics, end);
    mr_buffer_add_text(&l->partitions, end);
    mr_buffer_add_text(&l->offsets, end);
    mr_buffer_init(&l->tables, 1 << 26);
    mr_buffer_init(&l->signatures, 1 << 26);
}

static void lists_add_tables(lists *l, const pg_sink *sink)
{
    char separator = '{';
    for (const pg_route *route = sink->routes; route; route = route->next) {
        for (const pg_plan *plan = route->plans; plan; plan = plan->next) {
            if (plan->sent_count) {
                mr_buffer_printf(&l->tables, "%c%u", separator, plan->table);
                mr_buffer_printf(&l->signatures, "%c%s", separator, plan->signature);
                separator = ',';
            }
        }
    }
    const char *end = separator == ',' ? "}" : "{}";
    mr_buffer_add_text(&l->tables, end);
    mr_buffer_add_text(&l->signatures, end);
}

static void lists_release(lists *l)
{
    mr_buffer_release(&l->topics);
    mr_buffer_release(&l->partitions);
    mr_buffer_release(&l->offsets);
    mr_buffer_release(&l->tables);
    mr_buffer_release(&l->signatures);
}

/* --- Claiming --- */

static void take_offsets(const PGresult *result, mr_offsets *assigned)
{
    for (size_t i = 0; i < assigned->count; i++) {
        assigned->items[i].next = -1;
    }
    for (int row = 0; row < PQntuples(result); row++) {
        const char *topic = PQgetvalue(result, row, 0);
        int32_t partition = (int32_t)atol(PQgetvalue(result, row, 1));
        for (size_t i = 0; i < assigned->count; i++) {
            mr_offset *item = &assigned->items[i];
            if (item->partition == partition && strcmp(item->topic, topic) == 0) {
                item->next = PQgetisnull(result, row, 2)
                                 ? -1
                                 : strtoll(PQgetvalue(result, row, 2), NULL, 10);
            }
        }
    }
}

mr_status pg_offsets_claim(pg_sink *sink, mr_task *task, mr_offsets *assigned, mr_error *err)
{
    make_claim(sink->claim);
    lists l;
    lists_init(&l, assigned);
    const char *values[] = {mr_task_name(task), sink->claim, mr_buffer_text(&l.topics),
                            mr_buffer_text(&l.partitions)};
    char *sql = mr_format("INSERT INTO %s AS o (connector, topic, partition, claim)"
                          " SELECT $1, a.topic, a.partition, $2"
                          " FROM unnest($3::text[], $4::integer[]) AS a(topic, partition)"
                          " ORDER BY a.topic COLLATE \"C\", a.partition"
                          " ON CONFLICT (connector, topic, partition)"
                          " DO UPDATE SET claim = excluded.claim, claimed_at = now()"
                          " RETURNING o.topic, o.partition, o.next_offset",
                          sink->offsets_table);
    pg_auto_result *result = NULL;
    mr_status status = pg_query(sink, sql, 4, values, "cannot claim the partitions", &result, err);
    if (status == MR_OK) {
        take_offsets(result, assigned);
    }
    free(sql);
    lists_release(&l);
    return status;
}

/* --- Storing --- */

/* Fewer lines were moved than there are partitions: says which one and why. */
static mr_status explain(pg_sink *sink, mr_task *task, const lists *l, mr_error *err)
{
    const char *values[] = {mr_task_name(task), sink->claim, l->topics.data, l->partitions.data,
                            l->offsets.data};
    char *sql = mr_format(
        "SELECT a.topic, a.partition, o.claim = $2, o.next_offset, a.next"
        " FROM unnest($3::text[], $4::integer[], $5::bigint[]) AS a(topic, partition, "
        "next)"
        " LEFT JOIN %s o ON o.connector = $1 AND o.topic = a.topic AND o.partition = a.partition"
        " WHERE o.claim IS DISTINCT FROM $2 OR o.next_offset > a.next LIMIT 1",
        sink->offsets_table);
    pg_auto_result *result = NULL;
    mr_status status = pg_query(sink, sql, 5, values, "cannot store the offsets", &result, err);
    free(sql);
    if (status != MR_OK) {
        return status;
    }
    if (PQntuples(result) == 0) {
        status = mr_fail(err, MR_REOPEN, MR_DOMAIN_POSTGRES,
                         "the columns of a table have changed while rows were written to it: they "
                         "are looked up again");
        mr_error_code(err, 0, "TABLE_CHANGED");
        return status;
    }
    const char *topic = PQgetvalue(result, 0, 0);
    const char *partition = PQgetvalue(result, 0, 1);
    if (PQgetvalue(result, 0, 2)[0] == 't') {
        status = mr_fail(err, MR_REOPEN, MR_DOMAIN_POSTGRES,
                         "offset %s of %s[%s] is stored already, but the epoch ends at %s: "
                         "offsets never move backwards; the stored one is read again",
                         PQgetvalue(result, 0, 3), topic, partition, PQgetvalue(result, 0, 4));
        mr_error_code(err, 0, "OFFSET_BACKWARDS");
        return status;
    }
    status = mr_fail(err, MR_REOPEN, MR_DOMAIN_POSTGRES,
                     "%s[%s] was taken over by another process, or its line in %s is gone: this "
                     "task's rows are rolled back and the partition is claimed again if it is "
                     "still assigned here",
                     topic, partition, sink->offsets_table);
    mr_error_code(err, 0, "STALE_CLAIM");
    return status;
}

/* Not all lines were moved: a value that is no number, so that the statement fails and the COMMIT
 * behind it, which is on its way already, is not carried out. */
static const char not_moved[] = "millrace moved only ";

static mr_status prepare_store(pg_sink *sink, mr_error *err)
{
    if (sink->offsets_prepared) {
        return MR_OK;
    }
    char *sql = mr_format(
        "PREPARE millrace_offsets_%s"
        " (text, text, text[], integer[], bigint[], oid[], text[]) AS WITH mine AS MATERIALIZED ("
        " SELECT o.topic, o.partition, a.next"
        " FROM %s o JOIN unnest($3::text[], $4::integer[], $5::bigint[])"
        "  AS a(topic, partition, next) ON o.topic = a.topic AND o.partition = a.partition"
        " WHERE o.connector = $1::text AND o.claim = $2::text"
        "  AND (o.next_offset IS NULL OR o.next_offset <= a.next)"
        "  AND NOT EXISTS (SELECT 1 FROM unnest($6::oid[], $7::text[]) AS p(id, signature)"
        "   WHERE p.signature IS DISTINCT FROM " PG_SIGNATURE(
            "p.id") ")"
                    " ORDER BY o.topic COLLATE \"C\", o.partition FOR NO KEY UPDATE OF o),"
                    " moved AS (UPDATE %s o SET next_offset = mine.next, updated_at = now()"
                    " FROM mine WHERE o.connector = $1 AND o.topic = mine.topic"
                    " AND o.partition = mine.partition RETURNING 1)"
                    " SELECT CASE count(*) WHEN pg_catalog.cardinality($4::integer[]) THEN 1"
                    " ELSE ('%s' || count(*))::integer END FROM moved",
        sink->session, sink->offsets_table, sink->offsets_table, not_moved);
    mr_status status = pg_run_in_session(sink, sql, "cannot store the offsets", err);
    sink->offsets_prepared = status == MR_OK;
    free(sql);
    return status;
}

/* All that the end of an epoch needs, as one text for one round trip. */
static char *commit_sql(pg_sink *sink, mr_task *task, lists *l)
{
    const char *values[] = {mr_task_name(task),
                            sink->claim,
                            mr_buffer_text(&l->topics),
                            mr_buffer_text(&l->partitions),
                            mr_buffer_text(&l->offsets),
                            mr_buffer_text(&l->tables),
                            mr_buffer_text(&l->signatures)};
    mr_buffer sql = MR_BUFFER_INIT(1 << 28);
    mr_buffer_printf(&sql, "%sEXECUTE millrace_offsets_%s", pg_begin_sql(sink), sink->session);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char *quoted = pg_quote_literal(values[i]);
        mr_buffer_printf(&sql, "%s%s", i ? ", " : "(", quoted);
        free(quoted);
    }
    mr_buffer_add_text(&sql, "); COMMIT");
    char *text = mr_strdup(mr_buffer_text(&sql));
    mr_buffer_release(&sql);
    return text;
}

mr_status pg_offsets_commit(pg_sink *sink, mr_task *task, const mr_offsets *upto, mr_error *err)
{
    mr_status status = prepare_store(sink, err);
    if (status != MR_OK) {
        return status;
    }
    lists l;
    lists_init(&l, upto);
    lists_add_tables(&l, sink);
    char *sql = commit_sql(sink, task, &l);
    pg_auto_result *result = NULL;
    status = pg_run_last(sink, sql, "cannot store the offsets and commit", &result, err);
    free(sql);
    if (status == MR_OK && strcmp(PQcmdStatus(result), "COMMIT") != 0) {
        status = mr_fail(err, MR_REOPEN, MR_DOMAIN_POSTGRES,
                         "cannot commit: the database had rolled the transaction back");
    } else if (status == MR_OK) {
        sink->in_transaction = false;
        sink->ddl_in_transaction = false;
    } else if (err && strstr(err->text, not_moved)) {
        status = pg_rollback(sink, err);
        status = status == MR_OK ? explain(sink, task, &l, err) : status;
    }
    lists_release(&l);
    return status;
}
