/* SPDX-License-Identifier: Apache-2.0 */
/* See debezium.h. */
#include "runtime/debezium.h"

#include <string.h>

static const mr_schema *row_of(const mr_field *field)
{
    const mr_schema *schema =
        field && field->schema->nullable ? mr_schema_strip_null(field->schema) : NULL;
    return schema && schema->type == MR_RECORD ? schema : NULL;
}

bool mr_debezium_of(const mr_schema *schema, mr_debezium *ret)
{
    if (schema->type != MR_RECORD) {
        return false;
    }
    const mr_field *before = mr_schema_field(schema, "before");
    const mr_field *after = mr_schema_field(schema, "after");
    const mr_field *source = mr_schema_field(schema, "source");
    const mr_field *op = mr_schema_field(schema, "op");
    const mr_schema *old = row_of(before), *new = row_of(after);
    if (!old || !new || !source || !op || strcmp(old->name, new->name) != 0 ||
        mr_schema_strip_null(source->schema)->type != MR_RECORD ||
        mr_schema_strip_null(op->schema)->type != MR_STRING) {
        return false;
    }
    *ret = (mr_debezium){.before = (size_t)(before - schema->fields),
                         .after = (size_t)(after - schema->fields),
                         .op = (size_t)(op - schema->fields)};
    return true;
}

static const mr_cell *present(const mr_cell *cell)
{
    return cell->type == MR_NULL ? NULL : cell;
}

mr_status mr_debezium_record(const mr_debezium *parts, const mr_cell *envelope, mr_record *record,
                             mr_error *err)
{
    static const struct {
        char letter;
        mr_op op;
    } ops[] = {
        {'c', MR_OP_CREATE}, {'r', MR_OP_SNAPSHOT}, {'u', MR_OP_UPDATE}, {'d', MR_OP_DELETE}};
    const mr_cell *fields = envelope->as.cells, *op = &fields[parts->op];
    record->before = present(&fields[parts->before]);
    record->value = present(&fields[parts->after]);
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        if (op->type != MR_STRING || op->len != 1 || op->as.text[0] != ops[i].letter) {
            continue;
        }
        record->op = ops[i].op;
        if (record->op == MR_OP_DELETE) {
            record->value = NULL;
            return MR_OK;
        }
        if (record->value) {
            return MR_OK;
        }
        mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD, "the change event's op is %c, but after is null",
                ops[i].letter);
        mr_error_field(err, "after");
        return MR_REJECT;
    }
    mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
            "the change event's op is %.*s; carried out are c, r, u and d",
            op->type == MR_STRING ? (int)(op->len > 20 ? 20 : op->len) : 4,
            op->type == MR_STRING ? op->as.text : "null");
    mr_error_field(err, "op");
    return MR_REJECT;
}
