/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preparing a query. SQLite reads the user's text first: its messages about syntax are the best
 * there are, and what it accepts query.c may trust. The connection is in memory, one per input
 * schema, can do nothing but run this SELECT (authorizer), and stops a row that takes too long.
 */
#include "transform/plan.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/log.h"
#include "codec/schema.h"
#include "transform/parser.h"

enum {
    STEP_UNIT = 10000,       /* SQLite instructions between two looks at the row's count */
    STEPS_PER_ROW_MAX = 200, /* two million instructions: some 50 ms */
    VALUE_MAX_BYTES = 16 << 20,
};

static pthread_once_t sqlite_once = PTHREAD_ONCE_INIT;

static void prepare_sqlite(void)
{
    /* Counting memory takes a lock per allocation that all tasks would share. When SQLite runs
     * already the call is refused, which costs speed only. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_initialize();
}

static int count_steps(void *data)
{
    mr_scan *scan = data;
    return ++scan->steps > STEPS_PER_ROW_MAX;
}

static int authorize(void *data, int action, const char *a, const char *b, const char *database,
                     const char *trigger)
{
    (void)data;
    (void)database;
    (void)trigger;
    switch (action) {
    case SQLITE_SELECT:
        return SQLITE_OK;
    case SQLITE_READ:
        return strcasecmp(a, "record") == 0 || strcasecmp(a, "json_each") == 0 ||
                       strcasecmp(a, "json_tree") == 0
                   ? SQLITE_OK
                   : SQLITE_DENY;
    case SQLITE_FUNCTION:
        return mr_function_allowed(b) ? SQLITE_OK : SQLITE_DENY;
    default:
        return SQLITE_DENY;
    }
}

static mr_status fail_open(mr_plan *plan, mr_error *err)
{
    return mr_fail(err, MR_FATAL, MR_DOMAIN_TRANSFORM, "SQLite does not start: %s",
                   plan->db ? sqlite3_errmsg(plan->db) : "out of memory");
}

static mr_status open_database(mr_plan *plan, mr_error *err)
{
    pthread_once(&sqlite_once, prepare_sqlite);
    int rc =
        sqlite3_open_v2(":memory:", &plan->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK) {
        return fail_open(plan, err);
    }
    sqlite3_db_config(plan->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL); /* "x" is never the text x */
    sqlite3_db_config(plan->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_limit(plan->db, SQLITE_LIMIT_LENGTH, VALUE_MAX_BYTES);
    sqlite3_limit(plan->db, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000);
    sqlite3_limit(plan->db, SQLITE_LIMIT_EXPR_DEPTH, 400);
    sqlite3_limit(plan->db, SQLITE_LIMIT_ATTACHED, 0);
    plan->scan.columns = &plan->columns;
    if (mr_scan_register(plan->db, &plan->scan) != SQLITE_OK ||
        mr_functions_register(plan->db, &plan->scan) != SQLITE_OK) {
        return fail_open(plan, err);
    }
    /* The tables are declared at their first use, which is a CREATE TABLE: before it is forbidden.
     */
    if (sqlite3_exec(plan->db, "EXPLAIN SELECT 1 FROM record, json_each, json_tree", NULL, NULL,
                     NULL) != SQLITE_OK) {
        return fail_open(plan, err);
    }
    sqlite3_set_authorizer(plan->db, authorize, NULL);
    sqlite3_progress_handler(plan->db, STEP_UNIT, count_steps, &plan->scan);
    return MR_OK;
}

/* The name SQLite did not know, and what may have been meant. */
static mr_status fail_unknown(const mr_plan *plan, const char *query, const char *message,
                              mr_error *err)
{
    int offset = sqlite3_error_offset(plan->db);
    const char *at = query + (offset > 0 ? offset : 0);
    const char *column = strstr(message, "no such column: ");
    const char *function = strstr(message, "no such function: ");
    const char *nearest = NULL;
    if (column && !plan->columns.stub) {
        const char *name = column + strlen("no such column: ");
        const char *dot = strrchr(name, '.');
        nearest = mr_columns_nearest(&plan->columns, dot ? dot + 1 : name);
    } else if (function) {
        nearest = mr_function_nearest(function + strlen("no such function: "));
    } else if (strstr(message, "no such table")) {
        return mr_sql_fail_at(err, query, at,
                              "%s; the only table is record: SELECT ... FROM record", message);
    }
    return mr_sql_fail_at(err, query, at, "%s%s%s%s", message, nearest ? "; did you mean '" : "",
                          nearest ? nearest : "", nearest ? "'?" : "");
}

static mr_status fail_prepare(const mr_plan *plan, const char *query, mr_error *err)
{
    char message[400];
    snprintf(message, sizeof message, "%s", sqlite3_errmsg(plan->db));
    int code = sqlite3_extended_errcode(plan->db);
    if (code == SQLITE_AUTH) {
        mr_sql_fail_at(err, query, query,
                       "%s: a query may only SELECT from record, and call the functions listed in "
                       "the page on transforms",
                       message);
    } else {
        fail_unknown(plan, query, message, err);
    }
    mr_error_code(err, code, sqlite3_errstr(code));
    return MR_FATAL;
}

/* Has a second statement, or nothing at all? Told apart before SQLite, which would ignore it. */
static mr_status check_one_statement(const char *query, const mr_token *tokens, mr_error *err)
{
    if (tokens->kind == MR_TOKEN_END) {
        return mr_sql_fail_at(err, query, query,
                              "the query is empty; write SELECT ... FROM record");
    }
    if (!mr_token_is(tokens, "SELECT")) {
        return mr_sql_fail_at(err, query, tokens->text,
                              "a query is one SELECT ... FROM record [WHERE ...]; %.*s is not "
                              "possible",
                              (int)(tokens->len < 40 ? tokens->len : 40), tokens->text);
    }
    for (; tokens->kind != MR_TOKEN_END; tokens++) {
        if (mr_token_is(tokens, ";") && tokens[1].kind != MR_TOKEN_END &&
            !mr_token_is(tokens + 1, ";")) {
            return mr_sql_fail_at(err, query, tokens[1].text,
                                  "only one statement is possible; nothing may follow the ;");
        }
    }
    return MR_OK;
}

static mr_status check_syntax(const mr_plan *plan, const char *query, mr_error *err)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(plan->db, query, -1, &statement, NULL) != SQLITE_OK) {
        return fail_prepare(plan, query, err);
    }
    sqlite3_finalize(statement);
    return MR_OK;
}

/* --- Fields that documents do not have yet --- */

/* The column that SQLite has just found missing, without its table; to be freed. NULL: it was
 * another mistake. */
static char *missing_column(const mr_plan *plan)
{
    static const char says[] = "no such column: ";
    const char *message = sqlite3_errmsg(plan->db);
    if (strncmp(message, says, sizeof says - 1) != 0) {
        return NULL;
    }
    const char *name = message + sizeof says - 1, *dot = strrchr(name, '.');
    name = dot ? dot + 1 : name;
    return *name && mr_columns_find(&plan->columns, name) < 0 ? mr_strdup(name) : NULL;
}

/* The fields that only old() names. */
static void add_old(mr_columns *columns, const mr_token *tokens)
{
    for (; tokens->kind != MR_TOKEN_END; tokens++) {
        if (mr_token_is(tokens, "OLD") && mr_token_is(tokens + 1, "(") &&
            tokens[2].kind == MR_TOKEN_STRING) {
            char *name = mr_token_text(tokens + 2);
            if (mr_columns_find(columns, name) < 0) {
                mr_columns_add_absent(columns, name);
            }
            free(name);
        }
    }
}

/* A name that is a mistake would be NULL for ever, so it is told. */
static void tell_absent(const mr_plan *plan)
{
    const mr_columns *columns = &plan->columns;
    mr_buffer names = MR_BUFFER_INIT(1 << 20);
    for (size_t i = columns->name_count - columns->absent; i < columns->name_count; i++) {
        mr_buffer_printf(&names, "%s%s", names.len ? ", " : "", columns->names[i]);
    }
    mr_log(MR_LOG_WARN, "query.fields.absent",
           "no document of %s had these fields so far, so the query reads them as NULL: %s",
           mr_schema_strip_null(plan->input)->name, mr_buffer_text(&names));
    mr_buffer_release(&names);
}

/* Has SQLite read the text. Documents need not have every field that a query names, and a new
 * version of their schema must not stop it: what the schema has not is a column of NULLs. */
static mr_status accept(mr_plan *plan, const char *query, const mr_token *tokens, mr_error *err)
{
    bool open = plan->input && mr_columns_are_open(plan->input);
    for (;;) {
        mr_status status = open_database(plan, err);
        if (status == MR_OK) {
            status = check_syntax(plan, query, err);
        }
        char *name = status != MR_OK && open ? missing_column(plan) : NULL;
        if (!name) {
            if (status == MR_OK && open) {
                add_old(&plan->columns, tokens);
            }
            return status;
        }
        mr_columns_add_absent(&plan->columns, name);
        free(name);
        sqlite3_close_v2(plan->db); /* the table is declared once per connection */
        plan->db = NULL;
    }
}

static mr_status prepare(const mr_plan *plan, const char *sql, sqlite3_stmt **ret, mr_error *err)
{
    if (sql &&
        sqlite3_prepare_v3(plan->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL) != SQLITE_OK) {
        /* The user's text was accepted: what is wrong is our rewriting, so show it. */
        mr_fail(err, MR_FATAL, MR_DOMAIN_TRANSFORM, "the query rewritten as \"%.500s\" fails: %s",
                sql, sqlite3_errmsg(plan->db));
        if (err) {
            err->permanent = true;
        }
        return MR_FATAL;
    }
    return MR_OK;
}

static void add_meta_field(mr_schema_builder *builder, const mr_output *output, mr_meta meta)
{
    mr_type type = meta == MR_META_PARTITION   ? MR_INT
                   : meta == MR_META_TIMESTAMP ? MR_TIMESTAMP_MS
                                               : output->type.type;
    mr_schema_builder_add(builder, output->name, type, output->type.nullable, 0, 0);
}

static mr_status build_schema(mr_plan *plan, const char *name, mr_error *err)
{
    mr_schema_builder *builder = mr_schema_builder_new(name);
    for (size_t i = 0; i < plan->query.count; i++) {
        const mr_output *output = &plan->query.outputs[i];
        const mr_column *column = output->column >= 0 ? &plan->columns.items[output->column] : NULL;
        if (!column) {
            mr_schema_builder_add(builder, output->name, output->type.type, output->type.nullable,
                                  output->type.precision, output->type.scale);
        } else if (column->meta != MR_META_NONE) {
            add_meta_field(builder, output, column->meta);
        } else {
            mr_schema_builder_add_copy(builder, output->name, column->schema, false);
        }
    }
    mr_status status = mr_schema_builder_finish(builder, &plan->output, err);
    if (status != MR_OK) {
        mr_error_prefix(err, "the schema of the query's result");
        if (err) {
            err->permanent = true;
        }
    }
    return status;
}

static mr_status build(mr_plan *plan, const char *query, const char *output_name,
                       const mr_token *tokens, mr_error *err)
{
    mr_status status = check_one_statement(query, tokens, err);
    if (status != MR_OK) {
        return status;
    }
    if (plan->input) {
        status = mr_columns_of_schema(plan->input, &plan->columns, err);
    } else {
        mr_columns_of_query(tokens, &plan->columns);
    }
    if (status != MR_OK || (status = accept(plan, query, tokens, err)) != MR_OK ||
        (status = mr_query_analyse(query, tokens, &plan->columns, &plan->query, err)) != MR_OK ||
        (status = prepare(plan, plan->query.where_sql, &plan->where, err)) != MR_OK) {
        return status;
    }
    plan->scan.scratch = mr_arena_new();
    plan->scan.json = mr_calloc(plan->columns.count + 1, sizeof *plan->scan.json);
    if (!plan->input) {
        return MR_OK;
    }
    if (plan->columns.absent) {
        tell_absent(plan);
    }
    status = prepare(plan, plan->query.exec_sql, &plan->exec, err);
    return status == MR_OK ? build_schema(plan, output_name, err) : status;
}

mr_status mr_plan_new(const char *query, const char *output_name, const mr_schema *input,
                      mr_plan **ret, mr_error *err)
{
    mr_token *tokens;
    mr_status status = mr_sql_tokens(query, &tokens, err);
    if (status != MR_OK) {
        return status;
    }
    mr_plan *plan = mr_calloc(1, sizeof *plan);
    plan->input = input ? mr_schema_acquire(input) : NULL;
    status = build(plan, query, output_name, tokens, err);
    free(tokens);
    if (status != MR_OK) {
        mr_plan_free(plan);
        return status;
    }
    *ret = plan;
    return MR_OK;
}

void mr_plan_free(mr_plan *plan)
{
    if (!plan) {
        return;
    }
    sqlite3_finalize(plan->exec);
    sqlite3_finalize(plan->where);
    sqlite3_close_v2(plan->db);
    mr_query_release(&plan->query);
    mr_columns_release(&plan->columns);
    mr_arena_free(plan->scan.scratch);
    free(plan->scan.json);
    mr_schema_release(plan->input);
    mr_schema_release(plan->output);
    free(plan);
}
