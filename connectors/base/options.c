/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Option tables: finding, parsing and showing. Each kind has one parser from text; JSON values are
 * brought to text or taken as they are. A problem never names a secret's value: the text is made by
 * refuse(), the only place that sees both the option and what was found.
 */
#include "base/options.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"

typedef struct unit {
    const char *name;
    int64_t factor;
} unit;

/* Largest first, so that values are shown in the largest unit that divides them. */
static const unit size_units[] = {
    {"TiB", (int64_t)1 << 40},
    {"TB", INT64_C(1000000000000)},
    {"GiB", (int64_t)1 << 30},
    {"GB", 1000000000},
    {"MiB", 1 << 20},
    {"MB", 1000000},
    {"KiB", 1 << 10},
    {"KB", 1000},
    {"B", 1},
    {NULL, 0},
};
static const unit duration_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0},
};

static void *field(const mr_option *option, void *state)
{
    return (char *)state + option->offset;
}

static const void *field_const(const mr_option *option, const void *state)
{
    return (const char *)state + option->offset;
}

const mr_option *mr_option_find(const mr_option *table, const char *name)
{
    for (const mr_option *o = table; o && o->name; o++) {
        if (strcmp(o->name, name) == 0) {
            return o;
        }
    }
    return NULL;
}

/* --- Showing --- */

static char *show_units(int64_t value, const unit *units)
{
    for (const unit *u = units; u->name; u++) {
        if (value && value % u->factor == 0) {
            return mr_format("%lld%s", (long long)(value / u->factor), u->name);
        }
    }
    return mr_strdup("0");
}

static char *show_size(int64_t bytes)
{
    return show_units(bytes, size_units);
}

static char *show_duration(int64_t ms)
{
    return show_units(ms, duration_units);
}

static char *show_list(const mr_list *list)
{
    size_t len = 1;
    for (size_t i = 0; i < list->count; i++) {
        len += strlen(list->items[i]) + 1;
    }
    char *text = mr_alloc(len), *at = text;
    for (size_t i = 0; i < list->count; i++) {
        size_t n = strlen(list->items[i]);
        if (i) {
            *at++ = ',';
        }
        memcpy(at, list->items[i], n);
        at += n;
    }
    *at = '\0';
    return text;
}

bool mr_option_is_set(const mr_option *option, const void *state)
{
    const void *at = field_const(option, state);
    switch (option->kind) {
    case MR_KIND_TEXT: {
        const char *text = *(const char *const *)at;
        return text && *text;
    }
    case MR_KIND_LIST:
        return ((const mr_list *)at)->count > 0;
    default:
        return true; /* numbers, booleans and choices always have a value */
    }
}

char *mr_option_show(const mr_option *option, const void *state)
{
    const void *at = field_const(option, state);
    if (!mr_option_is_set(option, state)) {
        return NULL;
    }
    if (option->flags & MR_OPT_SECRET) {
        return mr_strdup("***");
    }
    switch (option->kind) {
    case MR_KIND_TEXT:
        return mr_strdup(*(const char *const *)at);
    case MR_KIND_BOOL:
        return mr_strdup(*(const bool *)at ? "true" : "false");
    case MR_KIND_INT:
        return mr_format("%lld", (long long)*(const int64_t *)at);
    case MR_KIND_DOUBLE:
        return mr_format("%.15g", *(const double *)at);
    case MR_KIND_SIZE:
        return show_size(*(const int64_t *)at);
    case MR_KIND_DURATION:
        return show_duration(*(const int64_t *)at);
    case MR_KIND_ENUM:
        return mr_strdup(option->choices[*(const int *)at]);
    case MR_KIND_LIST:
        return show_list(at);
    }
    return NULL;
}

char *mr_option_flag(const char *name)
{
    char *flag = mr_format("--%s", name);
    for (char *c = flag + 2; *c; c++) {
        if (*c == '.' || *c == '_') {
            *c = '-';
        }
    }
    return flag;
}

static char *allowed_range(const mr_option *option, const char *what, char *(*show)(int64_t value))
{
    mr_auto_free char *low = show(option->min);
    if (option->max >= INT64_MAX / 2) {
        return mr_format("%s of at least %s", what, low);
    }
    mr_auto_free char *high = show(option->max);
    return mr_format("%s from %s to %s", what, low, high);
}

static char *show_integer(int64_t value)
{
    return mr_format("%lld", (long long)value);
}

char *mr_option_allowed(const mr_option *option)
{
    switch (option->kind) {
    case MR_KIND_TEXT:
        return mr_strdup("text");
    case MR_KIND_BOOL:
        return mr_strdup("true or false");
    case MR_KIND_INT:
        return allowed_range(option, "a whole number", show_integer);
    case MR_KIND_DOUBLE:
        return mr_strdup("a number");
    case MR_KIND_SIZE:
        return allowed_range(option, "a size such as 65536, 64KiB or 1MB,", show_size);
    case MR_KIND_DURATION:
        return allowed_range(option, "a time such as 250ms, 2s, 5m, 1h or 7d (bare: milliseconds),",
                             show_duration);
    case MR_KIND_ENUM: {
        const mr_list choices = {option->choices, mr_option_choice_count(option)};
        mr_auto_free char *names = show_list(&choices);
        return mr_format("one of %s", names);
    }
    case MR_KIND_LIST:
        return mr_strdup("a list of texts");
    }
    return mr_strdup("");
}

size_t mr_option_choice_count(const mr_option *option)
{
    size_t n = 0;
    while (option->choices && option->choices[n]) {
        n++;
    }
    return n;
}

/* --- Parsing --- */

/* "found" is what the user wrote; it goes into the text unless the option is a secret. */
static mr_status refuse(const mr_option *option, const char *found, mr_error *err)
{
    mr_auto_free char *allowed = mr_option_allowed(option);
    const char *nearest = NULL;
    mr_status status;
    if (option->flags & MR_OPT_SECRET) {
        status = mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                         "the value given (not shown: it is a secret) is not allowed; allowed: %s",
                         allowed);
    } else {
        if (option->kind == MR_KIND_ENUM) {
            nearest = mr_nearest(option->choices, found);
        }
        status = mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG, "found \"%.200s\"; allowed: %s%s%s%s",
                         found, allowed, nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                         nearest ? "\"?" : "");
    }
    if (err) {
        err->permanent = true;
        mr_error_field(err, option->name);
    }
    return status;
}

/* A whole number with one of the units (bare: factor 1). false: not one, or out of int64. */
static bool parse_number(const char *text, const unit *units, int64_t *ret)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || errno || text[0] == ' ' || text[0] == '\t' || text[0] == '+') {
        return false;
    }
    while (units && *end == ' ') {
        end++;
    }
    int64_t factor = 0;
    if (*end == '\0') {
        factor = 1;
    }
    for (const unit *u = units; u && u->name && !factor; u++) {
        if (strcasecmp(end, u->name) == 0) {
            factor = u->factor;
        }
    }
    if (!factor) {
        return false;
    }
    int64_t product;
    if (__builtin_mul_overflow((int64_t)value, factor, &product)) {
        return false;
    }
    *ret = product;
    return true;
}

static bool parse_real(const char *text, double *ret)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || text[0] == ' ' || !isfinite(value) || strpbrk(text, "xXpP")) {
        return false;
    }
    *ret = value;
    return true;
}

static bool parse_bool(const char *text, bool *ret)
{
    *ret = strcmp(text, "true") == 0;
    return *ret || strcmp(text, "false") == 0;
}

static bool parse_choice(const mr_option *option, const char *text, int *ret)
{
    for (int i = 0; option->choices[i]; i++) {
        if (strcmp(option->choices[i], text) == 0) {
            *ret = i;
            return true;
        }
    }
    return false;
}

/* One block holds the pointers and, behind them, the texts: one free() ends it. */
static mr_list make_list(const char *const *items, const size_t *lens, size_t count)
{
    size_t bytes = count * sizeof(char *);
    for (size_t i = 0; i < count; i++) {
        bytes += lens[i] + 1;
    }
    const char **block = mr_alloc(bytes);
    char *text = (char *)(block + count);
    for (size_t i = 0; i < count; i++) {
        memcpy(text, items[i], lens[i]);
        text[lens[i]] = '\0';
        block[i] = text;
        text += lens[i] + 1;
    }
    return (mr_list){block, count};
}

static void put_list(void *at, mr_list list)
{
    mr_list *old = at;
    free((void *)old->items);
    *old = list;
}

/* Comma-separated; blanks around items do not count; an empty item is refused. */
static bool parse_list(const char *text, mr_list *ret)
{
    size_t commas = 0, count = 0;
    for (const char *c = text; *c; c++) {
        commas += *c == ',';
    }
    mr_auto_free const char **items = mr_calloc(commas + 1, sizeof *items);
    mr_auto_free size_t *lens = mr_calloc(commas + 1, sizeof *lens);
    for (const char *at = text;;) {
        const char *end = strchrnul(at, ',');
        const char *from = at + strspn(at, " \t"), *to = end;
        while (to > from && (to[-1] == ' ' || to[-1] == '\t')) {
            to--;
        }
        if (from >= to) {
            return false;
        }
        items[count] = from;
        lens[count++] = (size_t)(to - from);
        if (!*end) {
            break;
        }
        at = end + 1;
    }
    *ret = make_list(items, lens, count);
    return true;
}

static void put_text(void *at, const char *text)
{
    const char **old = at;
    char *copy = mr_strdup(text);
    free((void *)*old);
    *old = copy;
}

static mr_status put_integer(const mr_option *option, void *state, int64_t value, const char *found,
                             mr_error *err)
{
    if (value < option->min || value > option->max) {
        return refuse(option, found, err);
    }
    *(int64_t *)field(option, state) = value;
    return MR_OK;
}

static mr_status set_integer(const mr_option *option, void *state, const char *text,
                             const unit *units, mr_error *err)
{
    int64_t value;
    if (!parse_number(text, units, &value)) {
        return refuse(option, text, err);
    }
    return put_integer(option, state, value, text, err);
}

mr_status mr_option_set(const mr_option *option, void *state, const char *text, mr_error *err)
{
    void *at = field(option, state);
    mr_list list;
    bool yes;
    switch (option->kind) {
    case MR_KIND_TEXT:
        put_text(at, text);
        return MR_OK;
    case MR_KIND_BOOL:
        if (!parse_bool(text, &yes)) {
            return refuse(option, text, err);
        }
        *(bool *)at = yes;
        return MR_OK;
    case MR_KIND_INT:
        return set_integer(option, state, text, NULL, err);
    case MR_KIND_DOUBLE:
        return parse_real(text, at) ? MR_OK : refuse(option, text, err);
    case MR_KIND_SIZE:
        return set_integer(option, state, text, size_units, err);
    case MR_KIND_DURATION:
        return set_integer(option, state, text, duration_units, err);
    case MR_KIND_ENUM:
        return parse_choice(option, text, at) ? MR_OK : refuse(option, text, err);
    case MR_KIND_LIST:
        if (!parse_list(text, &list)) {
            return refuse(option, text, err);
        }
        put_list(at, list);
        return MR_OK;
    }
    return refuse(option, text, err);
}

static mr_status set_array(const mr_option *option, void *state, const json_t *value, mr_error *err)
{
    size_t count = json_array_size(value);
    mr_auto_free const char **items = mr_calloc(count, sizeof *items);
    mr_auto_free size_t *lens = mr_calloc(count, sizeof *lens);
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(value, i);
        if (!json_is_string(item) || json_string_length(item) == 0) {
            mr_auto_free char *found = json_dumps(item, JSON_ENCODE_ANY | JSON_COMPACT);
            return refuse(option, found ? found : "?", err);
        }
        items[i] = json_string_value(item);
        lens[i] = json_string_length(item);
    }
    put_list(field(option, state), make_list(items, lens, count));
    return MR_OK;
}

mr_status mr_option_set_json(const mr_option *option, void *state, const json_t *value,
                             mr_error *err)
{
    mr_option_kind kind = option->kind;
    if (json_is_string(value)) { /* also numbers as text: ${env:...} can give nothing else */
        return mr_option_set(option, state, json_string_value(value), err);
    }
    if (json_is_boolean(value) && kind == MR_KIND_BOOL) {
        *(bool *)field(option, state) = json_is_true(value);
        return MR_OK;
    }
    if (json_is_boolean(value) && kind == MR_KIND_ENUM) { /* choices such as auto, true, false */
        return mr_option_set(option, state, json_is_true(value) ? "true" : "false", err);
    }
    if (json_is_array(value) && kind == MR_KIND_LIST) {
        return set_array(option, state, value, err);
    }
    if (json_is_number(value) && kind == MR_KIND_DOUBLE) {
        *(double *)field(option, state) = json_number_value(value);
        return MR_OK;
    }
    mr_auto_free char *found = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    if (json_is_integer(value) &&
        (kind == MR_KIND_INT || kind == MR_KIND_SIZE || kind == MR_KIND_DURATION)) {
        return put_integer(option, state, json_integer_value(value), found ? found : "?", err);
    }
    return refuse(option, found ? found : "?", err);
}

/* --- Whole tables --- */

void mr_options_defaults(const mr_option *table, void *state)
{
    for (const mr_option *o = table; o && o->name; o++) {
        mr_error err;
        if (o->dflt && mr_option_set(o, state, o->dflt, &err) != MR_OK) {
            fprintf(stderr, "millrace: default of option %s is wrong: %s\n", o->name, err.text);
            abort(); /* a mistake in the table, found by the first test that looks at it */
        }
    }
}

void mr_options_release(const mr_option *table, void *state)
{
    for (const mr_option *o = table; o && o->name; o++) {
        void *at = field(o, state);
        if (o->kind == MR_KIND_TEXT) {
            free((void *)*(const char **)at);
            *(const char **)at = NULL;
        } else if (o->kind == MR_KIND_LIST) {
            put_list(at, (mr_list){NULL, 0});
        }
    }
}

bool mr_option_is_default(const mr_option *option, const void *state)
{
    const mr_option table[] = {*option, MR_OPTIONS_END};
    void *plain = mr_calloc(1, option->offset + sizeof(mr_list)); /* no field is larger */
    mr_options_defaults(table, plain);
    mr_auto_free char *here = mr_option_show(option, state), *there = mr_option_show(option, plain);
    bool same = here && there ? strcmp(here, there) == 0 : here == there;
    mr_options_release(table, plain);
    free(plain);
    return same;
}

mr_status mr_options_required(const mr_option *table, const void *state, mr_error *err)
{
    for (const mr_option *o = table; o && o->name; o++) {
        if ((o->flags & MR_OPT_REQUIRED) && !mr_option_is_set(o, state)) {
            mr_auto_free char *allowed = mr_option_allowed(o);
            mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG, "is required and not set: give %s", allowed);
            if (err) {
                err->permanent = true;
                mr_error_field(err, o->name);
            }
            return MR_FATAL;
        }
    }
    return MR_OK;
}
