/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logical types (Avro 1.11 specification, "Logical Types"). One that is unknown, stands on the
 * wrong type or has impossible attributes is ignored: the value is then of its base type.
 */
#include <math.h>
#include <string.h>

#include "codec/schema_tree.h"

static const struct {
    const char *name;
    mr_type base, type;
} plain[] = {
    {"uuid", MR_STRING, MR_UUID},
    {"date", MR_INT, MR_DATE},
    {"time-millis", MR_INT, MR_TIME_MS},
    {"time-micros", MR_LONG, MR_TIME_US},
    {"timestamp-millis", MR_LONG, MR_TIMESTAMP_MS},
    {"timestamp-micros", MR_LONG, MR_TIMESTAMP_US},
    {"local-timestamp-millis", MR_LONG, MR_LOCAL_TIMESTAMP_MS},
    {"local-timestamp-micros", MR_LONG, MR_LOCAL_TIMESTAMP_US},
};

/* The most decimal digits that every number of this many bytes can hold. */
static double digits_of(size_t size_bytes)
{
    return floor((8.0 * (double)size_bytes - 1) * log10(2));
}

static void set_decimal(mr_schema *schema, const json_t *object)
{
    const json_t *precision = json_object_get(object, "precision");
    const json_t *scale = json_object_get(object, "scale");
    if (!json_is_integer(precision) || (scale && !json_is_integer(scale))) {
        return;
    }
    json_int_t digits = json_integer_value(precision);
    json_int_t behind_point = scale ? json_integer_value(scale) : 0;
    if (digits < 1 || digits > INT32_MAX || behind_point < 0 || behind_point > digits) {
        return;
    }
    if (schema->base == MR_FIXED && (double)digits > digits_of(schema->size_bytes)) {
        return;
    }
    schema->type = MR_DECIMAL;
    schema->precision = (int)digits;
    schema->scale = (int)behind_point;
}

void mr_schema_set_logical(mr_schema *schema, const json_t *object)
{
    const char *name = json_string_value(json_object_get(object, "logicalType"));
    if (!name) {
        return;
    }
    if (schema->base == MR_FIXED || schema->base == MR_BYTES) {
        bool fixed = schema->base == MR_FIXED;
        if (strcmp(name, "decimal") == 0) {
            set_decimal(schema, object);
        } else if (strcmp(name, "uuid") == 0 && fixed && schema->size_bytes == 16) {
            schema->type = MR_UUID;
        } else if (strcmp(name, "duration") == 0 && fixed && schema->size_bytes == 12) {
            schema->type = MR_DURATION;
        }
        return;
    }
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        if (plain[i].base == schema->base && strcmp(plain[i].name, name) == 0) {
            schema->type = plain[i].type;
        }
    }
}
