/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The target table as the catalogue has it. Domains are followed down to the type they stand on,
 * because their values arrive in that type's binary form; so are the elements of arrays.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "sinks/postgres/postgres.h"

static const char relation_sql[] =
    "SELECT c.oid, c.relkind, c.relhasrules OR c.relrowsecurity, " PG_SIGNATURE(
        "c.oid") " FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1)";

static const char columns_sql[] =
    "WITH RECURSIVE base(num, item, type, modifier, class) AS ("
    "  SELECT a.attnum, 0::pg_catalog.oid, t.oid, a.atttypmod, t.typtype"
    "    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"
    "   WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped"
    "  UNION ALL"
    "  SELECT b.num, CASE WHEN b.class = 'd' THEN b.item ELSE t.oid END, t.oid,"
    "         CASE WHEN b.class = 'd' THEN d.typtypmod ELSE b.modifier END, t.typtype"
    "    FROM base b JOIN pg_catalog.pg_type d ON d.oid = b.type"
    "    JOIN pg_catalog.pg_type t ON CASE WHEN b.class = 'd' THEN t.oid = d.typbasetype"
    "         ELSE b.item = 0 AND t.oid = d.typelem AND t.typarray = d.oid END)"
    "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), b.type, b.class,"
    "       b.modifier, a.attnotnull, a.atthasdef OR a.attidentity <> '', a.attgenerated <> '',"
    "       a.attidentity = 'a', a.atttypid <> b.type,"
    "       a.attidentity <> '' OR EXISTS (SELECT FROM pg_catalog.pg_index i"
    "         WHERE i.indrelid = a.attrelid AND i.indisprimary AND a.attnum = ANY (i.indkey)),"
    "       coalesce(e.item, 0), coalesce(e.type, 0), e.class, coalesce(e.modifier, -1),"
    "       pg_catalog.format_type(e.item, b.modifier), pg_catalog.pg_get_expr(f.adbin, f.adrelid)"
    "  FROM pg_catalog.pg_attribute a"
    "  JOIN base b ON b.num = a.attnum AND b.class <> 'd' AND b.item = 0"
    "  LEFT JOIN base e ON e.num = a.attnum AND e.class <> 'd' AND e.item <> 0"
    "  LEFT JOIN pg_catalog.pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum"
    " WHERE a.attrelid = $1::oid ORDER BY a.attnum";

static const char labels_sql[] =
    "SELECT e.enumtypid, e.enumlabel FROM pg_catalog.pg_enum e"
    " WHERE e.enumtypid IN (SELECT a.atttypid FROM pg_catalog.pg_attribute a"
    "         WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped)"
    " ORDER BY 1, e.enumsortorder";

static const char keys_sql[] =
    "SELECT i.indexrelid, a.attname"
    "  FROM pg_catalog.pg_index i"
    " CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::pg_catalog.int2[])"
    "       WITH ORDINALITY AS k(num, place)"
    "  JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num"
    " WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid AND i.indimmediate"
    "   AND i.indpred IS NULL AND i.indexprs IS NULL AND k.place <= i.indnkeyatts"
    " ORDER BY 1, 2";

static bool is_true(const PGresult *result, int row, int column)
{
    return PQgetvalue(result, row, column)[0] == 't';
}

static Oid oid_of(const PGresult *result, int row, int column)
{
    return (Oid)strtoul(PQgetvalue(result, row, column), NULL, 10);
}

static void take_columns(pg_table *table, const PGresult *result)
{
    int count = PQntuples(result);
    table->columns = mr_calloc((size_t)count + 1, sizeof *table->columns);
    table->count = (size_t)count;
    for (int i = 0; i < count; i++) {
        table->columns[i] = (pg_target_column){
            .name = mr_strdup(PQgetvalue(result, i, 0)),
            .type = mr_strdup(PQgetvalue(result, i, 1)),
            .type_id = oid_of(result, i, 2),
            .type_class = PQgetvalue(result, i, 3)[0],
            .modifier = atoi(PQgetvalue(result, i, 4)),
            .not_null = is_true(result, i, 5),
            .has_default = is_true(result, i, 6),
            .generated = is_true(result, i, 7),
            .always_identity = is_true(result, i, 8),
            .domain = is_true(result, i, 9),
            .never_null = is_true(result, i, 10),
            .item_id = oid_of(result, i, 11),
            .item_base = oid_of(result, i, 12),
            .item_class = PQgetvalue(result, i, 13)[0],
            .item_modifier = atoi(PQgetvalue(result, i, 14)),
            .item_type = mr_strdup(PQgetvalue(result, i, 15)),
            .default_sql = PQgetisnull(result, i, 16) ? NULL : mr_strdup(PQgetvalue(result, i, 16)),
        };
    }
}

static void take_labels(pg_target_column *column, const PGresult *result)
{
    int rows = PQntuples(result);
    column->labels = mr_calloc((size_t)rows + 1, sizeof *column->labels);
    for (int i = 0; i < rows; i++) {
        if ((Oid)strtoul(PQgetvalue(result, i, 0), NULL, 10) == column->type_id) {
            column->labels[column->label_count++] = mr_strdup(PQgetvalue(result, i, 1));
        }
    }
}

/* Only tables with enums ask for them. */
static mr_status load_labels(pg_sink *sink, pg_table *table, const char *oid, mr_error *err)
{
    pg_auto_result *labels = NULL;
    for (size_t i = 0; i < table->count; i++) {
        if (table->columns[i].type_class != 'e') {
            continue;
        }
        const char *values[] = {oid};
        mr_status status = labels ? MR_OK
                                  : pg_query(sink, labels_sql, 1, values,
                                             "cannot look up the labels of enums", &labels, err);
        if (status != MR_OK) {
            return status;
        }
        take_labels(&table->columns[i], labels);
    }
    return MR_OK;
}

static char *oid_text(Oid oid)
{
    return mr_format("%u", oid);
}

mr_status pg_table_load(pg_sink *sink, const pg_name *name, pg_table *ret, mr_error *err)
{
    *ret = (pg_table){0};
    pg_auto_result *relation = NULL;
    const char *values[] = {name->quoted};
    mr_status status =
        pg_query(sink, relation_sql, 1, values, "cannot look up the table", &relation, err);
    if (status != MR_OK || PQntuples(relation) == 0) {
        return status;
    }
    ret->oid = oid_of(relation, 0, 0);
    ret->kind = PQgetvalue(relation, 0, 1)[0];
    ret->rules = is_true(relation, 0, 2);
    /* Taken before the columns: what changes in between is found out by the first epoch. */
    ret->signature = mr_strdup(PQgetvalue(relation, 0, 3));
    values[0] = PQgetvalue(relation, 0, 0);
    pg_auto_result *columns = NULL;
    status =
        pg_query(sink, columns_sql, 1, values, "cannot look up the table's columns", &columns, err);
    if (status == MR_OK) {
        take_columns(ret, columns);
        status = load_labels(sink, ret, values[0], err);
    }
    return status;
}

void pg_table_release(pg_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        free(table->columns[i].name);
        free(table->columns[i].type);
        for (size_t k = 0; k < table->columns[i].label_count; k++) {
            free(table->columns[i].labels[k]);
        }
        free(table->columns[i].labels);
        free(table->columns[i].item_type);
        free(table->columns[i].default_sql);
    }
    free(table->columns);
    free(table->signature);
    *table = (pg_table){0};
}

const pg_target_column *pg_table_column(const pg_table *table, const char *field)
{
    const pg_target_column *near = NULL;
    size_t near_count = 0;
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->columns[i].name, field) == 0) {
            return &table->columns[i];
        }
        if (strcasecmp(table->columns[i].name, field) == 0) {
            near = &table->columns[i];
            near_count++;
        }
    }
    return near_count == 1 ? near : NULL;
}

static bool named(const char *const *columns, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(columns[i], name) == 0) {
            return true;
        }
    }
    return false;
}

mr_status pg_table_has_key(pg_sink *sink, const pg_table *table, const char *const *columns,
                           size_t count, bool *ret, mr_error *err)
{
    *ret = false;
    char *oid = oid_text(table->oid);
    const char *values[] = {oid};
    pg_auto_result *keys = NULL;
    mr_status status =
        pg_query(sink, keys_sql, 1, values, "cannot look up the table's keys", &keys, err);
    free(oid);
    if (status != MR_OK) {
        return status;
    }
    int rows = PQntuples(keys);
    for (int i = 0; i < rows;) {
        size_t size = 0;
        size_t matching = 0;
        const char *index = PQgetvalue(keys, i, 0);
        for (; i < rows && strcmp(PQgetvalue(keys, i, 0), index) == 0; i++) {
            size++;
            matching += named(columns, count, PQgetvalue(keys, i, 1));
        }
        *ret = *ret || (size == count && matching == count);
    }
    return MR_OK;
}

static mr_status same_signature(pg_sink *sink, const pg_plan *plan, bool *ret, mr_error *err)
{
    char *oid = oid_text(plan->table);
    const char *values[] = {oid, plan->signature};
    pg_auto_result *result = NULL;
    mr_status status = pg_query(sink, "SELECT $2 IS NOT DISTINCT FROM " PG_SIGNATURE("$1::oid"), 2,
                                values, "cannot look up the table's columns", &result, err);
    free(oid);
    *ret = status == MR_OK && is_true(result, 0, 0);
    return status;
}

mr_status pg_table_suspect(pg_sink *sink, mr_error *err)
{
    mr_error later;
    mr_status status = pg_rollback(sink, &later);
    for (pg_route *route = sink->routes; route && status == MR_OK; route = route->next) {
        for (pg_plan *plan = route->plans; plan && status == MR_OK; plan = plan->next) {
            bool same = true;
            if (plan->sent_count) {
                status = same_signature(sink, plan, &same, &later);
            }
            if (status == MR_OK && !same) {
                mr_error_prefix(err, "the columns of %s have changed and are looked up again",
                                route->name.quoted);
                return MR_REOPEN;
            }
        }
    }
    if (status != MR_OK) {
        *err = later;
        return MR_REOPEN;
    }
    return MR_REJECT;
}
