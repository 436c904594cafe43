/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SELECT around the expressions. What would need more than one record at a time (GROUP BY,
 * ORDER BY, DISTINCT, joins) is refused: every result row must come from one record. Plain columns
 * are left out of the SQL that runs: their cells are passed on without SQLite seeing them.
 */
#include "transform/query.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "transform/parser.h"

enum { SQL_MAX_BYTES = 1 << 20 };

/* Reads a query while it is being built. */
typedef struct reader {
    mr_parser parser;
    mr_query query;
    size_t room;
    mr_buffer expressions; /* texts of the expressions, separated by commas */
} reader;

static void add_output(reader *r, char *name, int column, mr_sql_type type)
{
    if (r->query.count == r->room) {
        r->room = r->room ? r->room * 2 : 16;
        r->query.outputs = mr_realloc_array(r->query.outputs, r->room, sizeof(mr_output));
    }
    r->query.outputs[r->query.count++] = (mr_output){name, column, type};
}

static bool fail_name(reader *r, const mr_token *at, const char *name)
{
    return mr_parser_fail(&r->parser, at,
                          "a result column needs a name of letters, digits and _ (not '%.60s'): "
                          "add AS name",
                          name);
}

static bool is_avro_name(const char *name)
{
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");
    return len > 0 && name[len] == '\0' && !(name[0] >= '0' && name[0] <= '9');
}

static bool check_name(reader *r, const mr_token *at, const char *name)
{
    if (!is_avro_name(name)) {
        return fail_name(r, at, name);
    }
    for (size_t i = 0; i < r->query.count; i++) {
        if (strcmp(r->query.outputs[i].name, name) == 0) {
            return mr_parser_fail(&r->parser, at,
                                  "two result columns are called '%s': give one another name with "
                                  "AS, or name the columns wanted instead of *",
                                  name);
        }
    }
    return true;
}

static bool expand_star(reader *r, const mr_token *at)
{
    const mr_columns *columns = r->parser.columns;
    for (size_t i = 0; i < columns->visible && !columns->stub; i++) {
        if (!check_name(r, at, columns->items[i].name)) {
            return false;
        }
        add_output(r, mr_strdup(columns->items[i].name), (int)i, columns->items[i].type);
    }
    return true;
}

static bool is_clause(const mr_token *token)
{
    return mr_token_is(token, "FROM") || mr_token_is(token, "WHERE");
}

/* [AS] name, or the name of the plain column. */
static char *read_name(reader *r, const mr_node *node)
{
    mr_parser *p = &r->parser;
    if (mr_token_is(p->at, "AS")) {
        p->at++;
        return mr_token_text(p->at++);
    }
    bool is_name = p->at->kind == MR_TOKEN_NAME || p->at->kind == MR_TOKEN_QUOTED ||
                   p->at->kind == MR_TOKEN_STRING;
    if (is_name && !is_clause(p->at)) {
        return mr_token_text(p->at++);
    }
    if (node->column >= 0) {
        return mr_strdup(p->columns->items[node->column].name);
    }
    return mr_strndup(node->first->text, (size_t)(p->at->text - node->first->text));
}

static void add_alias(mr_parser *p, const char *name, const mr_node *node)
{
    p->aliases = mr_realloc_array(p->aliases, p->alias_count + 1, sizeof *p->aliases);
    p->aliases[p->alias_count++] =
        (mr_alias){mr_strdup(name), mr_strndup(p->out.data + node->start, node->end - node->start),
                   node->type, node->column};
}

static bool read_item(reader *r)
{
    mr_parser *p = &r->parser;
    const mr_token *first = p->at;
    if (mr_token_is(first, "*")) {
        p->at++;
        return expand_star(r, first);
    }
    if (mr_token_is(first + 1, ".") && mr_token_is(first + 2, "*")) {
        p->at += 3;
        return expand_star(r, first);
    }
    mr_node node;
    mr_buffer_clear(&p->out);
    if (!mr_parse_expression(p, 1, &node)) {
        return false;
    }
    char *name = read_name(r, &node);
    if (!check_name(r, first, name)) {
        free(name);
        return false;
    }
    add_alias(p, name, &node);
    if (node.column < 0) {
        if (r->query.expression_count++) {
            mr_buffer_add_char(&r->expressions, ',');
        }
        mr_buffer_add(&r->expressions, p->out.data, p->out.len);
    }
    if (node.type.type == MR_NULL || node.type.type == MR_SQL_ANY) {
        /* What JSON holds is not known before it is read: text, unless CAST says more. */
        node.type = node.column < 0 ? (mr_sql_type){MR_STRING, true, 0, 0} : node.type;
    }
    add_output(r, name, node.column, node.type);
    return true;
}

static bool read_items(reader *r)
{
    mr_parser *p = &r->parser;
    if (mr_token_is(p->at, "DISTINCT")) {
        return mr_parser_fail(p, p->at,
                              "DISTINCT needs more than one record at a time; each row is "
                              "made from one record");
    }
    if (mr_token_is(p->at, "ALL")) {
        p->at++;
    }
    while (read_item(r)) {
        if (!mr_token_is(p->at, ",")) {
            return true;
        }
        p->at++;
    }
    return false;
}

static bool read_from(reader *r)
{
    mr_parser *p = &r->parser;
    if (!mr_token_is(p->at, "FROM")) {
        return mr_parser_fail(p, p->at, "FROM record is expected here");
    }
    p->at++;
    char *table = mr_token_text(p->at);
    bool is_record = strcasecmp(table, "record") == 0 && !mr_token_is(p->at + 1, "(") &&
                     !mr_token_is(p->at + 1, ".");
    free(table);
    if (!is_record) {
        return mr_parser_fail(p, p->at, "the only table is record: SELECT ... FROM record");
    }
    p->at++;
    if (mr_token_is(p->at, "AS")) {
        p->at++;
        p->table_alias = mr_token_text(p->at++);
    } else if ((p->at->kind == MR_TOKEN_NAME || p->at->kind == MR_TOKEN_QUOTED) &&
               (mr_token_is(p->at + 1, "WHERE") || mr_token_is(p->at + 1, ";") ||
                p->at[1].kind == MR_TOKEN_END) &&
               !is_clause(p->at)) {
        p->table_alias = mr_token_text(p->at++);
    }
    return true;
}

static bool read_end(reader *r)
{
    static const char *const refused[] = {
        "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "EXCEPT",  "INTERSECT", "WINDOW", "JOIN",
        "LEFT",  "RIGHT",  "FULL",  "INNER", "CROSS", "NATURAL", ",",         NULL};
    mr_parser *p = &r->parser;
    for (size_t i = 0; refused[i]; i++) {
        if (mr_token_is(p->at, refused[i])) {
            return mr_parser_fail(p, p->at, "%s is not possible: each row is made from one record",
                                  *refused[i] == ',' ? "a second table" : refused[i]);
        }
    }
    while (mr_token_is(p->at, ";")) {
        p->at++;
    }
    if (p->at->kind != MR_TOKEN_END) {
        return mr_parser_fail(p, p->at, "the query should end here");
    }
    return true;
}

static char *quoted_alias(const char *alias)
{
    mr_buffer text = MR_BUFFER_INIT(MR_QUERY_MAX_BYTES * 2);
    mr_buffer_add_text(&text, " AS \"");
    for (const char *c = alias; *c; c++) {
        if (*c == '"') {
            mr_buffer_add_char(&text, '"');
        }
        mr_buffer_add_char(&text, *c);
    }
    mr_buffer_add_char(&text, '"');
    char *copy = mr_strdup(mr_buffer_text(&text));
    mr_buffer_release(&text);
    return copy;
}

/* The statements to be run, from the texts collected; p->out holds the condition. */
static void write_sql(reader *r, bool has_where)
{
    mr_parser *p = &r->parser;
    char *alias = p->table_alias ? quoted_alias(p->table_alias) : mr_strdup("");
    const char *where = has_where ? mr_buffer_text(&p->out) : "";
    const char *expressions = r->query.expression_count ? mr_buffer_text(&r->expressions) : "1";
    if (has_where || r->query.expression_count) {
        r->query.exec_sql = mr_format("SELECT %s FROM record%s%s%s", expressions, alias,
                                      has_where ? " WHERE" : "", where);
    }
    if (has_where) {
        r->query.where_sql = mr_format("SELECT (%s ) FROM record%s", where, alias);
    }
    free(alias);
}

static bool read_query(reader *r)
{
    mr_parser *p = &r->parser;
    if (!mr_token_is(p->at, "SELECT")) {
        return mr_parser_fail(p, p->at, "a query is one SELECT ... FROM record [WHERE ...]");
    }
    p->at++;
    if (!read_items(r) || !read_from(r)) {
        return false;
    }
    mr_buffer_clear(&p->out);
    bool has_where = mr_token_is(p->at, "WHERE");
    if (has_where) {
        mr_node condition;
        p->at++;
        if (!mr_parse_expression(p, 1, &condition) || !mr_type_condition(p, &condition)) {
            return false;
        }
    }
    if (!read_end(r)) {
        return false;
    }
    if (p->out.failed || r->expressions.failed) {
        return mr_parser_fail(p, p->at, "the query grows beyond %d bytes when rewritten",
                              SQL_MAX_BYTES);
    }
    write_sql(r, has_where);
    return true;
}

mr_status mr_query_analyse(const char *text, const mr_token *tokens, const mr_columns *columns,
                           mr_query *ret, mr_error *err)
{
    reader r = {.parser = {.query = text, .at = tokens, .columns = columns, .err = err}};
    mr_buffer_init(&r.parser.out, SQL_MAX_BYTES);
    mr_buffer_init(&r.expressions, SQL_MAX_BYTES);
    bool ok = read_query(&r);
    for (size_t i = 0; i < r.parser.alias_count; i++) {
        free(r.parser.aliases[i].name);
        free(r.parser.aliases[i].text);
    }
    free(r.parser.aliases);
    free(r.parser.table_alias);
    mr_buffer_release(&r.parser.out);
    mr_buffer_release(&r.expressions);
    if (!ok) {
        mr_query_release(&r.query);
        return MR_FATAL;
    }
    *ret = r.query;
    return MR_OK;
}

void mr_query_release(mr_query *query)
{
    for (size_t i = 0; i < query->count; i++) {
        free(query->outputs[i].name);
    }
    free(query->outputs);
    free(query->exec_sql);
    free(query->where_sql);
    *query = (mr_query){0};
}
