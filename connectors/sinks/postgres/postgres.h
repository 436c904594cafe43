/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the postgres sink share. Outside of this folder only mr_postgres_sink is seen.
 *
 * One task has one connection (pg_link), one pg_route per route of the pipeline, and per route one
 * pg_plan for each schema that came by: target columns, writers, SQL. Plans are made when a batch
 * of that schema first arrives and live until close(), or until an abort undoes the tables they
 * stand on.
 *
 * All functions that talk to the server fill *err with domain MR_DOMAIN_POSTGRES and SQLSTATE.
 */
#ifndef MR_SINKS_POSTGRES_H
#define MR_SINKS_POSTGRES_H

#include <libpq-fe.h>
#include <stdio.h>

#include "api/connector.h"
#include "base/arena.h"
#include "base/buffer.h"

/* Rows are handed to libpq in pieces of about this size. */
enum { PG_CHUNK_BYTES = 32 << 10 };

enum { PG_REFUSED_MAX = 64, PG_NAME_BUCKETS = 1024 };

/* OIDs of built-in types never change (src/include/catalog/pg_type.dat). */
enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_JSON = 114,
    OID_XML = 142,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_BPCHAR = 1042,
    OID_VARCHAR = 1043,
    OID_DATE = 1082,
    OID_TIME = 1083,
    OID_TIMESTAMP = 1114,
    OID_TIMESTAMPTZ = 1184,
    OID_INTERVAL = 1186,
    OID_NUMERIC = 1700,
    OID_UUID = 2950,
    OID_JSONB = 3802,
    /* These stand for more than one: */
    OID_ANY = 0,   /* any type */
    OID_ENUM = 1,  /* any type made by CREATE TYPE ... AS ENUM */
    OID_ARRAY = 2, /* any array */
};

enum { VARHDRSZ = 4 }; /* what a modifier of numeric has on top */

enum pg_insert_mode { PG_AUTO, PG_INSERT, PG_UPSERT, PG_UPDATE };
enum pg_evolving { PG_EVOLVE_AUTO, PG_EVOLVE_ON, PG_EVOLVE_OFF };
enum pg_deletes { PG_DELETES_AUTO, PG_DELETES_ON, PG_DELETES_OFF };

typedef struct pg_route_options {
    const char *table;
    int insert_mode; /* enum pg_insert_mode */
    mr_list key_fields;
    int delete_enabled;        /* enum pg_deletes */
    const char *version_field; /* NULL: none */
    bool auto_create;
    int auto_evolve; /* enum pg_evolving */
} pg_route_options;

/* Do rows have a key: upsert or update? */
static inline bool pg_keyed(const pg_route_options *o)
{
    return o->insert_mode == PG_UPSERT || o->insert_mode == PG_UPDATE ||
           (o->insert_mode == PG_AUTO && o->key_fields.count);
}

/* A name as users write it, "trips", "public.trips", "\"My schema\".Trips", taken apart. */
typedef struct pg_name {
    char *schema; /* NULL: by search_path */
    char *table;
    char *quoted; /* as SQL wants it: "public"."trips" */
} pg_name;

/* A column of the target table, from the catalogue. */
typedef struct pg_target_column {
    char *name;
    char *type;      /* as format_type() writes it, with modifiers: "character varying(20)" */
    Oid type_id;     /* of the type, or of what its domain stands on */
    char type_class; /* pg_type.typtype: b base, e enum, d domain, c composite, r range */
    int modifier;    /* atttypmod; -1: none */
    /* Of an array (or a domain over one), its elements; item_id 0: it is none. */
    Oid item_id;     /* their type, which may be a domain, */
    Oid item_base;   /* and what that stands on */
    char item_class; /* pg_type.typtype of item_base */
    int item_modifier;
    char *item_type; /* as format_type() writes it */
    bool not_null, has_default;
    char *default_sql;    /* expression of its default or, if generated, its value; NULL: none */
    bool generated;       /* GENERATED ALWAYS AS (...): can not be written */
    bool always_identity; /* GENERATED ALWAYS AS IDENTITY */
    bool domain;          /* its type is a domain over type_id */
    bool never_null;      /* part of the primary key, or an identity: NOT NULL can not be dropped */
    char **labels;        /* of an enum, in its order; label_count of them */
    size_t label_count;
} pg_target_column;

/* What the columns of a table look like, as one short text: in a statement where `id` stands for
 * the table's oid. Binary rows made for other types than the table has now could be taken for
 * values, silently: so a plan keeps this, and each epoch compares it. */
#define PG_SIGNATURE(id)                                                                           \
    "(SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws(' ', a.attnum, a.attname, " \
    "a.atttypid, a.atttypmod), ',' ORDER BY a.attnum))"                                            \
    " FROM pg_catalog.pg_attribute a WHERE a.attrelid = " id " AND a.attnum > 0)"

typedef struct pg_table {
    Oid oid;         /* 0: does not exist */
    char *signature; /* of its columns' types: PG_SIGNATURE */
    char kind;       /* pg_class.relkind: r table, p partitioned table, v view, ... */
    pg_target_column *columns;
    size_t count;
    bool rules; /* has rules or row security, which COPY passes by or refuses */
} pg_table;

struct pg_column;

/* Appends the value with its length; false: it has no form in the column's type, *err says why. */
typedef bool pg_writer(mr_buffer *out, const struct pg_column *column, const mr_cell *cell,
                       mr_error *err);

/* Where one field of the record goes. */
typedef struct pg_column {
    pg_writer *write;
    const mr_schema *schema; /* of the field, null stripped */
    size_t field;            /* index in the record */
    char *quoted;            /* name as SQL wants it */
    const char *name;        /* the field's own */
    char *staged_type;       /* in the staging table; NULL: as in the target */
    char *target_type;
    int modifier;
    int scale;              /* MR_DECIMAL */
    struct pg_column *item; /* of arrays: how an element goes */
    Oid item_id;            /* in `item`: the elements' type as the array names it */
    bool key;
    size_t *longest_chars; /* of the texts that were too long for it; NULL: nobody asks */
} pg_column;

/* A record to be sent, by reference; its key as the first bytes in sort order and where the rest
 * is. */
typedef struct pg_item {
    uint64_t prefix;
    const char *key; /* in the epoch's arena */
    uint32_t key_len;
    uint32_t batch; /* index in route->pending */
    uint32_t index; /* of the record in the batch */
    union {
        uint32_t place; /* in order of arrival, until the items are chosen; */
        uint32_t layer; /* then how many rows of the same key are to be written after it */
    };
} pg_item;

typedef struct pg_items {
    pg_item *list;
    size_t count, capacity;
} pg_items;

/* Which record an encoded row was. */
typedef struct pg_sent {
    const mr_batch *batch;
    size_t index;
} pg_sent;

typedef struct pg_plan {
    struct pg_plan *next;
    struct pg_route *route;
    const mr_schema *schema; /* a reference of our own */
    unsigned number;         /* unique in the connection: names its staging table and statement */
    pg_column *columns;
    size_t count;
    size_t *keys; /* indexes in columns, in the order of key.fields */
    size_t key_count;
    Oid table;             /* the columns were looked up in this table, */
    char *signature;       /* when they looked like this */
    bool casts;            /* some column is staged as another type than the target's */
    bool plain;            /* COPY straight into the target means the same as INSERT */
    bool overriding;       /* some column is GENERATED ALWAYS AS IDENTITY */
    bool deletes;          /* its rows are keys of rows to delete */
    size_t version;        /* index in columns of version.field; count: none */
    size_t *longest_chars; /* by column; 0: none was too long */
    char *copy_sql, *stage_copy_sql, *stage_sql, *merge_sql;
    char *empty_sql;   /* empties the staging table */
    char *missing_sql; /* update: counts staged rows that are not in the table; else NULL */
    bool staged;       /* the staging table and the merge statement are there */

    /* Of this epoch: */
    mr_buffer buffer; /* rows encoded, not yet handed to libpq */
    pg_sent *sent;    /* the record of each row encoded, in order */
    size_t sent_count, sent_capacity;
    size_t flushed;  /* rows handed to libpq */
    int64_t missing; /* rows to be changed that are not there */
    bool stage_used; /* rows wait in the staging table for the merge */
} pg_plan;

/* The schema of deletes that come beside rows and keys of these schemas (NULL: none). */
typedef struct pg_delete_form {
    struct pg_delete_form *next;
    const mr_schema *rows, *key, *schema; /* references of our own */
} pg_delete_form;

typedef struct pg_route {
    struct pg_route *next;
    const mr_route *route;
    const pg_route_options *options;
    enum pg_insert_mode mode; /* never PG_AUTO */
    pg_name name;
    struct pg_route *next_of_bucket; /* in sink->by_name */
    size_t part;                     /* of the batch being divided (names.c) */
    pg_plan *plans;
    pg_delete_form *forms;
    /* Upsert and update, of this epoch: what is to be sent at commit. */
    struct pg_pending {
        const mr_batch *batch;
        pg_plan *plan;
    } * pending;
    size_t pending_count, pending_capacity;
    pg_items items;
    uint32_t layers; /* one more than the highest of an item */
    /* Plain COPY first while keys are new: how many epochs to go by the merge before the next
     * attempt, and how many the last failure cost. */
    unsigned plain_wait, plain_penalty;
} pg_route;

/* The COPY under way. */
enum pg_copy_kind { PG_COPY_TARGET, PG_COPY_STAGE, PG_COPY_SAVEPOINT };

typedef struct pg_copy {
    pg_plan *plan; /* NULL: none */
    size_t first;  /* its first row is plan->sent[first] */
    enum pg_copy_kind kind;
} pg_copy;

typedef struct pg_sink {
    /* Options. */
    const char *url;
    int64_t connect_timeout_ms, statement_timeout_ms, lock_timeout_ms;
    int64_t tables_max;
    const char *offsets_schema;

    PGconn *connection;
    mr_task *task;
    int64_t deadline_us; /* of the exchange under way */
    int64_t look_at_us;  /* when to ask who is in its way; 0: not (any more) */
    char blockers[600];  /* the answer, a part of a sentence; "": nobody that is known of */
    char told[16];       /* the last one that the log has a line of its own about */
    char backend[16];    /* the server's process for this connection */
    char session[40];    /* part of the names of what belongs to the connection */
    char begin_sql[300]; /* begins a transaction, provided that it is in that process */
    bool in_transaction;
    bool lost;               /* the connection is of no use any more: nothing but close() */
    bool ddl_in_transaction; /* an abort undoes tables that plans stand on */
    char claim[40];
    char *offsets_table; /* quoted */
    bool offsets_prepared;
    pg_route *routes; /* one for each route and table it writes to */
    pg_route *by_name[PG_NAME_BUCKETS];
    int64_t route_count;
    unsigned next_plan;
    int64_t missing; /* rows to be changed that were not there, of all epochs committed */
    /* Tables that could not be changed for records of these schemas (evolve.c); the oldest gives
     * way. */
    struct {
        uint64_t change;
        Oid table;
    } refused[PG_REFUSED_MAX];
    size_t refused_count;
    pg_copy copy;
} pg_sink;

/* --- options.c: the tables, and names of tables taken apart --- */

extern const mr_option pg_options[];
extern const mr_option pg_route_options_table[];
mr_status pg_check(const void *state, const mr_route *routes, size_t count, mr_error *err);
MR_CHECKED mr_status pg_name_parse(const char *text, pg_name *ret, mr_error *err);
void pg_name_release(pg_name *name);
/* "x" with quotes doubled; to be freed. */
char *pg_quote(const char *identifier);
/* 'x' for use in a statement that is shown or run; to be freed. */
char *pg_quote_literal(const char *text);

/* --- conn.c: the connection, every wait bounded --- */

MR_CHECKED mr_status pg_connect(pg_sink *sink, mr_task *task, mr_error *err);
void pg_disconnect(pg_sink *sink);
/* Starts another connection, which the caller polls and finishes; beside: to the server that
 * sink->connection is connected to. NULL: out of memory. */
PGconn *pg_connect_start(const pg_sink *sink, const char *application, bool beside);
/* Runs one or more commands; results are dropped. `doing` begins the error's text. */
MR_CHECKED mr_status pg_run(pg_sink *sink, const char *sql, const char *doing, mr_error *err);
/* The same, with the result of the last one. */
MR_CHECKED mr_status pg_run_last(pg_sink *sink, const char *sql, const char *doing, PGresult **ret,
                                 mr_error *err);
/* Runs one statement with text parameters; *ret is to be cleared by the caller (PQclear). */
MR_CHECKED mr_status pg_query(pg_sink *sink, const char *sql, int count, const char *const *values,
                              const char *doing, PGresult **ret, mr_error *err);
MR_CHECKED mr_status pg_execute(pg_sink *sink, const char *name, int count,
                                const char *const *values, const char *doing, PGresult **ret,
                                mr_error *err);
/* The next result of what was sent, NULL at its end; waits until the deadline. */
MR_CHECKED mr_status pg_next_result(pg_sink *sink, const char *doing, PGresult **ret,
                                    mr_error *err);
/* Waits until everything handed to libpq is on its way. */
MR_CHECKED mr_status pg_flush(pg_sink *sink, const char *doing, mr_error *err);
/* Starts the clock of an exchange: statement.timeout.ms and a little for the server to say so. */
void pg_start_clock(pg_sink *sink);
/* Begins the transaction, as part of a statement to come: "BEGIN ...; ", or "" when it is open
 * already. A pooler may give each transaction another process of the server, where temporary tables
 * and prepared statements are another's: then it fails. */
const char *pg_begin_sql(pg_sink *sink);

/* Runs commands that make something that belongs to the session; in the transaction that is open,
 * else in one of its own. */
MR_CHECKED mr_status pg_run_in_session(pg_sink *sink, const char *sql, const char *doing,
                                       mr_error *err);

/* ROLLBACK, if there is anything to roll back. */
MR_CHECKED mr_status pg_rollback(pg_sink *sink, mr_error *err);

static inline void pg_clear_result(PGresult **result)
{
    PQclear(*result);
}
#define pg_auto_result __attribute__((cleanup(pg_clear_result))) PGresult

/* --- locks.c: who is in the way --- */

/* Asks who blocks the exchange under way: sink->blockers, and a line in the log. Takes at most two
 * seconds; whatever goes wrong, nobody is known of. */
void pg_blockers_look(pg_sink *sink);

/* --- errors.c: what a SQLSTATE means for the runtime --- */

/* What the server says of a value in begin_sql when the transaction is not where it should be. */
extern const char pg_other_session[];

/* Fills *err from a failed result (NULL: from the connection) and returns what must happen next. */
mr_status pg_fail(pg_sink *sink, const PGresult *result, const char *doing, mr_error *err);
/* MR_REOPEN; marks the connection as lost. */
mr_status pg_lost(pg_sink *sink, const char *doing, mr_error *err);
/* Of a connection that was not made. */
mr_status pg_connect_failed(const pg_sink *sink, mr_error *err);
/* "COPY trips, line 3, column fare": the line, 0 when the context names none; and the column. */
uint64_t pg_copy_line(const char *context, char *column, size_t column_size);

/* --- table.c: what the target looks like --- */

MR_CHECKED mr_status pg_table_load(pg_sink *sink, const pg_name *name, pg_table *ret,
                                   mr_error *err);
void pg_table_release(pg_table *table);
/* A row was refused by the server: was it encoded for columns that have changed since? Rolls the
 * transaction back to find out. MR_REJECT with *err as it is, or MR_REOPEN. */
MR_CHECKED mr_status pg_table_suspect(pg_sink *sink, mr_error *err);
/* Column for a field: by its exact name, else by the one name that differs only in case; NULL:
 * none. */
const pg_target_column *pg_table_column(const pg_table *table, const char *field);
/* Is there a unique index, usable by ON CONFLICT, on just these columns? */
MR_CHECKED mr_status pg_table_has_key(pg_sink *sink, const pg_table *table,
                                      const char *const *columns, size_t count, bool *ret,
                                      mr_error *err);

/* --- ddl.c: statements made from a record's schema --- */

/* PostgreSQL's type for values of a schema (null stripped): "bigint", "numeric(10,2)[]". */
void pg_ddl_type(const mr_schema *schema, mr_buffer *out);
/* Of an array that pg_ddl_type() makes an array of: its elements, null stripped. NULL: it makes
 * none. */
const mr_schema *pg_ddl_elements(const mr_schema *schema);
/* Appends the statement that makes a column of `table` (quoted) take both what it holds and values
 * of a schema (null stripped) that it does not take. false: none is known. */
bool pg_ddl_retype(const char *table, const pg_target_column *target, const mr_schema *schema,
                   mr_buffer *out);
/* " DEFAULT ..." of a field that has one, for a column of pg_ddl_type(); nothing without. */
void pg_ddl_default(const mr_field *field, mr_buffer *out);
/* Is this one of key.fields? */
bool pg_is_key(const pg_route *route, const char *field);
/* The CREATE TABLE a route needs for records of this schema; to be freed. */
char *pg_ddl_create(const pg_route *route, const mr_schema *schema);
/* Appends "; COMMENT ON ..." for what the schema has a doc of and the table did not have before. */
void pg_ddl_comments(const pg_route *route, const mr_schema *schema, const pg_table *before,
                     mr_buffer *sql);
MR_CHECKED mr_status pg_ddl_run_create(pg_sink *sink, mr_task *task, pg_route *route,
                                       const mr_schema *schema, mr_error *err);

/* --- evolve.c: the table follows its records --- */

bool pg_may_evolve(const pg_route_options *options);
/* Makes the table fit for records of this schema, and loads it anew. MR_RETRY: it was changed, and
 * the epoch must begin again. */
MR_CHECKED mr_status pg_evolve(pg_sink *sink, mr_task *task, pg_route *route,
                               const mr_schema *schema, pg_table *table, mr_error *err);

/* Will the column get the wider type that values of the schema (null stripped) need? */
bool pg_is_widened(const pg_target_column *column, const mr_schema *schema);
/* The statements that make the table fit, into *sql (empty at first); *count 0: it does. */
MR_CHECKED mr_status pg_evolve_compare(const pg_route *route, const pg_table *table,
                                       const mr_schema *schema, mr_buffer *sql, size_t *count,
                                       mr_error *err);

/* The class of advisory locks under which tables are made and changed; the second key says which.
 */
#define PG_DDL_LOCK "pg_catalog.hashtext('millrace.ddl')"
/* Begins the transaction of a change of a table, when no other task is at one of the same table: a
 * table that is locked for an hour keeps nobody from changing another. */
MR_CHECKED mr_status pg_begin_change(pg_sink *sink, Oid table, mr_error *err);
/* Has this change of a table, told apart by some number, been tried in vain since open()? */
bool pg_was_refused(const pg_sink *sink, Oid table, uint64_t change);
/* A change has failed with `status`: rolls back. Not every table lets itself be changed: a view may
 * stand on a column, or the role have no right to. Then this is remembered and told, and MR_OK: the
 * table stays as it is, and rows that fit go on. Else what must happen next. */
MR_CHECKED mr_status pg_leave_table(pg_sink *sink, mr_task *task, Oid table, uint64_t change,
                                    const char *sql, mr_status status, mr_error *err);

/* --- widen.c: varchar(n) that became too narrow --- */

/* Records were rejected in this epoch: where texts were longer than their columns take, makes the
 * columns wider. MR_RETRY: done, the epoch must begin again. MR_REJECT: it was not for that, or can
 * not be mended; *err is as it was. */
MR_CHECKED mr_status pg_widen_texts(pg_sink *sink, mr_task *task, mr_error *err);

/* --- foresee.c: the same without doing it --- */

mr_status pg_foresee(mr_task *task, const mr_batch *like, mr_foreseen *each, void *context,
                     mr_error *err);

/* --- types.c: Avro type x PostgreSQL type -> writer --- */

/* Sets write, staged_type, scale of a column whose schema and target are known. MR_FATAL: values do
 * not go there; *err says what would help. table: its name as SQL wants it. */
MR_CHECKED mr_status pg_type_choose(pg_column *column, const pg_target_column *target,
                                    const char *table, mr_error *err);
void pg_column_release(pg_column *column);
/* The table of types in Markdown. */
void pg_types_page(FILE *out);

/* --- json.c: any value as JSON text --- */

#define PG_NO_TIME_OF_DAY "the time of day is not within 00:00 and 24:00"

/* The branch a cell was decoded to; without a union the schema itself. */
const mr_schema *pg_branch_of(const mr_schema *schema, const mr_cell *cell);
/* Appends it without a length; false: it has no form, *err says why. Too large: out->failed. */
bool pg_json_write(mr_buffer *out, const mr_schema *schema, const mr_cell *cell, mr_error *err);

/* --- names.c: which table a record goes to --- */

/* Records of one batch that go to one table; the batch is a copy in the epoch's arena. */
typedef struct pg_part {
    pg_route *route;
    mr_batch *batch;
} pg_part;

typedef struct pg_parts {
    pg_part *list; /* in the epoch's arena */
    size_t count;
} pg_parts;

/* Is this option `table` (NULL: not given) a template; does it depend on fields of the record? */
bool pg_table_is_template(const char *table);
bool pg_table_by_field(const char *table);
/* Is it well formed? MR_FATAL: no. */
MR_CHECKED mr_status pg_table_check(const char *table, mr_error *err);
/* Takes a batch (not an empty one) apart by table. deletes_count: deletes need a table, too; else
 * they may be left out. MR_REJECT: some records name none; they are named. */
MR_CHECKED mr_status pg_parts_of(pg_sink *sink, mr_task *task, const mr_batch *batch,
                                 bool deletes_count, pg_parts *ret, mr_error *err);

/* The route of records of this topic and route that are all for one table: not by a field. */
MR_CHECKED mr_status pg_route_like(pg_sink *sink, const mr_batch *like, pg_route **ret,
                                   mr_error *err);

/* --- plan.c --- */

/* Can records of this schema be rows at all? */
MR_CHECKED mr_status pg_schema_check(const pg_route *route, const mr_schema *schema, mr_error *err);

/* The plan for records of a schema, made when they are the first of it. */
MR_CHECKED mr_status pg_plan_get(pg_sink *sink, mr_task *task, pg_route *route,
                                 const mr_schema *schema, pg_plan **ret, mr_error *err);
/* The same for a batch that pg_deletes_take() has made. *ret NULL: there is no table yet, so
 * nothing to delete. */
MR_CHECKED mr_status pg_plan_get_deletes(pg_sink *sink, mr_task *task, pg_route *route,
                                         const mr_batch *deletes, pg_plan **ret, mr_error *err);
/* A new route to the table of this name; MR_FATAL: it is none. */
MR_CHECKED mr_status pg_route_make(pg_sink *sink, const mr_route *of, const char *quoted,
                                   pg_route **ret, mr_error *err);
/* The staging table and the merge statement, when the epoch needs them. */
MR_CHECKED mr_status pg_plan_stage(pg_sink *sink, pg_plan *plan, mr_error *err);
/* Moves what was staged into the target. */
MR_CHECKED mr_status pg_plan_merge(pg_sink *sink, pg_plan *plan, mr_error *err);
void pg_plan_clear_epoch(pg_plan *plan);
/* Forgets all routes and plans. */
void pg_plans_drop(pg_sink *sink);

/* --- deletes.c --- */

/* A tombstone, or a record that says that the row is gone. */
bool pg_is_delete(const mr_record *record);
/* The deletes among the records as a batch of their keys, in the epoch's arena; *ret NULL: there
 * are none. MR_REJECT: some have no key that could be read; they are named. */
MR_CHECKED mr_status pg_deletes_take(pg_sink *sink, mr_task *task, pg_route *route,
                                     const mr_batch *batch, const mr_batch **ret, mr_error *err);
void pg_delete_forms_free(pg_route *route);

/* --- upsert.c: an epoch's keys into a table --- */

MR_CHECKED mr_status pg_upsert_flush(pg_sink *sink, mr_task *task, pg_route *route, mr_error *err);

/* --- merge.c: the SQL of a plan --- */

void pg_merge_build(const pg_sink *sink, pg_plan *plan);

/* --- encode.c, copy.c: rows --- */

/* Appends one row to plan->buffer; false with field and reason in *err when the record can not be
 * stored (the buffer is then as before). */
bool pg_encode_row(pg_plan *plan, const mr_batch *batch, size_t index, mr_error *err);

/* Makes the COPY under way one into the plan's target or its staging table, with a transaction
 * around it (PG_COPY_SAVEPOINT: and the savepoint millrace_plain before it); ends another's first.
 */
MR_CHECKED mr_status pg_copy_open(pg_sink *sink, mr_task *task, pg_plan *plan,
                                  enum pg_copy_kind kind, mr_error *err);
/* Hands plan->buffer to the COPY under way and clears it. */
MR_CHECKED mr_status pg_copy_send(pg_sink *sink, pg_plan *plan, mr_error *err);
/* Ends it, if there is one, and takes the server's answer. When the server refused a row and said
 * which, *bad is that row; else NULL. */
MR_CHECKED mr_status pg_copy_end(pg_sink *sink, const pg_sent **bad, mr_error *err);
/* The same; the refused row is named with mr_reject(). */
MR_CHECKED mr_status pg_copy_close(pg_sink *sink, mr_task *task, mr_error *err);
/* Gives up the COPY under way. */
void pg_copy_abandon(pg_sink *sink);
void pg_plan_note_sent(pg_plan *plan, const mr_batch *batch, size_t index);

/* --- dedupe.c: of the records of a key those that count, in key order --- */

/* Adds the records of a batch, with their keys, in their order: rows by `plan` (NULL: there are
 * none), deletes by `delete_plan` as they are in `deletes` (NULL: they are passed over). Records
 * whose key has a NULL are rejected. */
MR_CHECKED mr_status pg_dedupe_add(mr_task *task, pg_route *route, const mr_batch *batch,
                                   pg_plan *plan, const mr_batch *deletes, pg_plan *delete_plan,
                                   mr_error *err);
/* Leaves the items that make the same rows as all of them, sorted by key: mostly one for each key,
 * the last, or with version.field that of the highest version. Before it stay the rows of other
 * columns, which it does not overwrite, and the delete that came before them. Deletes are to be
 * written first, then the rows of the highest layer, down to 0. */
void pg_dedupe_finish(pg_route *route);

/* --- offsets.c: claims and offsets --- */

MR_CHECKED mr_status pg_offsets_open(pg_sink *sink, mr_task *task, mr_error *err);
MR_CHECKED mr_status pg_offsets_claim(pg_sink *sink, mr_task *task, mr_offsets *assigned,
                                      mr_error *err);
/* Moves the offsets and commits, provided that the claim is still ours and the tables written to
 * still look as they did when the rows were encoded. MR_REOPEN and rolled back: they do not. */
MR_CHECKED mr_status pg_offsets_commit(pg_sink *sink, mr_task *task, const mr_offsets *upto,
                                       mr_error *err);

#endif
