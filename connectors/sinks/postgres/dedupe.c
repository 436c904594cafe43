/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of the records of a key those that count, in key order: mostly the last alone. A row with fewer
 * columns than one before it leaves the others as they were, so that one counts as well; and after
 * a delete the columns a row does not have are the table's defaults, so the delete counts too.
 *
 *  Keys are compared as bytes of their own form, made so
 * that their order is a sensible one (numbers by value, text by its bytes): every task sorts alike,
 * so two that write the same rows meet in one order; and neighbours in the key's index are touched
 * together, which makes the merge a fifth faster (bench/pg_sink.md).
 *
 * Deletes stand among the rows and are told by their plan.
 *
 * Sorting brings equal keys together with the latest last, so no hash table is needed. The first
 * eight bytes are kept in the item: a radix sort by them does nearly all of it, and only keys that
 * share them are compared.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "sinks/postgres/postgres.h"

/* --- Keys --- */

static void add_ordered(mr_buffer *key, uint64_t v)
{
    v = __builtin_bswap64(v);
    mr_buffer_add(key, &v, sizeof v);
}

/* Big-endian with the sign turned over sorts as bytes. */
static void add_integer(mr_buffer *key, int64_t v)
{
    add_ordered(key, (uint64_t)v ^ UINT64_C(0x8000000000000000));
}

static void add_double(mr_buffer *key, double v)
{
    int64_t bits;
    v = v == 0 ? 0 : v; /* -0 is 0 */
    if (v != v) {
        v = __builtin_nan(""); /* one NaN */
    }
    memcpy(&bits, &v, sizeof bits);
    add_ordered(key, (uint64_t)(bits < 0 ? ~bits : bits ^ INT64_MIN));
}

/* Two's complement without leading sign bytes; the length first, so that longer sorts after. */
static void add_decimal(mr_buffer *key, const mr_cell *cell)
{
    const char *bytes = cell->as.text;
    size_t len = cell->len;
    char sign = len && (bytes[0] & 0x80) ? '\xff' : 0;
    while (len && bytes[0] == sign && (len == 1 || ((bytes[1] ^ sign) & 0x80) == 0)) {
        bytes++;
        len--;
    }
    add_integer(key, sign ? -(int64_t)len : (int64_t)len);
    mr_buffer_add_char(key, (char)~sign);
    mr_buffer_add(key, bytes, len);
}

static void add_cell(mr_buffer *key, const mr_cell *cell);

/* Elements, fields or entries, each with its type and length. */
static void add_cells(mr_buffer *key, const mr_cell *cells, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        mr_buffer_add_char(key, (char)cells[i].type);
        if (cells[i].type != MR_NULL) {
            size_t start = key->len;
            add_cell(key, &cells[i]);
            add_integer(key, (int64_t)(key->len - start));
        }
    }
}

static void add_cell(mr_buffer *key, const mr_cell *cell)
{
    switch ((mr_type)cell->type) {
    case MR_FLOAT:
    case MR_DOUBLE:
        add_double(key, cell->as.d);
        break;
    case MR_DECIMAL:
        add_decimal(key, cell);
        break;
    case MR_STRING:
    case MR_BYTES:
    case MR_FIXED:
    case MR_ENUM:
    case MR_UUID:
    case MR_DURATION:
        mr_buffer_add(key, cell->as.text, cell->len);
        break;
    case MR_TIMESTAMP_MS:
    case MR_LOCAL_TIMESTAMP_MS:
    case MR_TIME_MS: /* as microseconds: a schema may change its unit in mid-stream */
        add_integer(key, cell->as.i > INT64_MAX / 1000   ? INT64_MAX
                         : cell->as.i < INT64_MIN / 1000 ? INT64_MIN
                                                         : cell->as.i * 1000);
        break;
    case MR_ARRAY:
    case MR_RECORD:
        add_cells(key, cell->as.cells, cell->len);
        break;
    case MR_MAP:
        add_cells(key, cell->as.cells, 2 * (size_t)cell->len);
        break;
    default:
        add_integer(key, cell->as.i);
        break;
    }
}

static uint64_t prefix_of(const char *key, size_t len)
{
    uint64_t prefix = 0;
    memcpy(&prefix, key, len < sizeof prefix ? len : sizeof prefix);
    return __builtin_bswap64(prefix);
}

static bool is_text(const mr_cell *cell)
{
    return cell->type == MR_STRING || cell->type == MR_BYTES || cell->type == MR_UUID ||
           cell->type == MR_ENUM || cell->type == MR_FIXED;
}

/* The key of one record. A single text is borrowed; anything else is put together in the arena,
 * each part with its length, so that ("a", "bc") is not ("ab", "c"). */
static void make_key(const pg_plan *plan, const mr_cell *fields, mr_arena *arena, mr_buffer *room,
                     pg_item *item)
{
    const mr_cell *first = &fields[plan->columns[plan->keys[0]].field];
    if (plan->key_count == 1 && is_text(first)) {
        item->key = first->as.text;
        item->key_len = first->len;
    } else {
        mr_buffer_clear(room);
        for (size_t i = 0; i < plan->key_count; i++) {
            const mr_cell *cell = &fields[plan->columns[plan->keys[i]].field];
            size_t start = room->len;
            add_cell(room, cell);
            if (i + 1 < plan->key_count) {
                add_integer(room, (int64_t)(room->len - start));
            }
        }
        item->key = mr_arena_copy(arena, room->data, room->len);
        item->key_len = (uint32_t)room->len;
    }
    item->prefix = prefix_of(item->key, item->key_len);
}

static const pg_column *null_key(const pg_plan *plan, const mr_cell *fields)
{
    for (size_t i = 0; i < plan->key_count; i++) {
        const pg_column *column = &plan->columns[plan->keys[i]];
        if (fields[column->field].type == MR_NULL) {
            return column;
        }
    }
    return NULL;
}

static void reject_null_key(mr_task *task, const mr_batch *batch, size_t index,
                            const pg_column *column, mr_error *err)
{
    mr_fail(err, MR_REJECT, MR_DOMAIN_RECORD,
            "field %s is part of the key (key.fields), and is null: a row without a key can not "
            "be found again; give it a value in the query, or use insert.mode=insert",
            column->name);
    mr_error_code(err, 0, "23502");
    mr_error_field(err, column->name);
    mr_reject(task, batch, index, err);
}

static void add_pending(pg_route *route, const mr_batch *batch, pg_plan *plan)
{
    if (route->pending_count == route->pending_capacity) {
        route->pending_capacity = route->pending_capacity ? route->pending_capacity * 2 : 16;
        route->pending =
            mr_realloc_array(route->pending, route->pending_capacity, sizeof *route->pending);
    }
    route->pending[route->pending_count++] = (struct pg_pending){batch, plan};
}

static mr_status add_item(mr_task *task, pg_plan *plan, const mr_batch *batch, size_t index,
                          uint32_t pending, mr_buffer *room, mr_error *err)
{
    pg_items *items = &plan->route->items;
    const mr_cell *fields = batch->records[index].value->as.cells;
    const pg_column *null = null_key(plan, fields);
    if (null) {
        reject_null_key(task, batch, index, null, err);
        return MR_REJECT;
    }
    pg_item *item = &items->list[items->count];
    make_key(plan, fields, mr_task_arena(task), room, item);
    item->batch = pending;
    item->index = (uint32_t)index;
    item->place = (uint32_t)items->count++;
    return MR_OK;
}

mr_status pg_dedupe_add(mr_task *task, pg_route *route, const mr_batch *batch, pg_plan *plan,
                        const mr_batch *deletes, pg_plan *delete_plan, mr_error *err)
{
    pg_items *items = &route->items;
    uint32_t rows_at = (uint32_t)route->pending_count;
    uint32_t deletes_at = rows_at + (plan != NULL);
    if (plan) {
        add_pending(route, batch, plan);
    }
    if (delete_plan) {
        add_pending(route, deletes, delete_plan);
    }
    if (items->capacity - items->count < batch->count) {
        items->capacity = items->count + batch->count + items->capacity / 2;
        items->list = mr_realloc_array(items->list, items->capacity, sizeof *items->list);
    }
    mr_buffer room = MR_BUFFER_INIT(1 << 30);
    mr_status status = MR_OK;
    size_t next_delete = 0;
    for (size_t i = 0; i < batch->count; i++) {
        mr_status added = MR_OK;
        if (!pg_is_delete(&batch->records[i])) {
            added = add_item(task, plan, batch, i, rows_at, &room, err);
        } else if (delete_plan) {
            added = add_item(task, delete_plan, deletes, next_delete++, deletes_at, &room, err);
        }
        status = added == MR_OK ? status : added;
    }
    mr_buffer_release(&room);
    return status;
}

/* --- Order --- */

static int compare_keys(const pg_item *a, const pg_item *b)
{
    if (a->prefix != b->prefix) {
        return a->prefix < b->prefix ? -1 : 1;
    }
    size_t len = a->key_len < b->key_len ? a->key_len : b->key_len;
    int order = len > 8 ? memcmp(a->key + 8, b->key + 8, len - 8) : 0;
    if (order) {
        return order;
    }
    return (a->key_len > b->key_len) - (a->key_len < b->key_len);
}

static int compare_items(const void *left, const void *right)
{
    const pg_item *a = left;
    const pg_item *b = right;
    int order = compare_keys(a, b);
    return order ? order : (a->place > b->place) - (a->place < b->place);
}

typedef struct sort_entry {
    uint64_t prefix;
    uint32_t from; /* index in the list */
} sort_entry;

/* One stable pass over the byte at `shift`. false: all have the same byte there, nothing moved. */
static bool radix_pass(const sort_entry *in, sort_entry *out, size_t count, unsigned shift)
{
    size_t at[256] = {0};
    for (size_t i = 0; i < count; i++) {
        at[in[i].prefix >> shift & 255]++;
    }
    if (at[in[0].prefix >> shift & 255] == count) {
        return false;
    }
    size_t sum = 0;
    for (size_t b = 0; b < 256; b++) {
        size_t n = at[b];
        at[b] = sum;
        sum += n;
    }
    for (size_t i = 0; i < count; i++) {
        out[at[in[i].prefix >> shift & 255]++] = in[i];
    }
    return true;
}

/* By prefix, in arrival order where it is equal; most keys differ in it. */
static void sort_by_prefix(pg_items *items)
{
    size_t count = items->count;
    sort_entry *entries = mr_realloc_array(NULL, 2 * count, sizeof *entries);
    sort_entry *from = entries;
    sort_entry *to = entries + count;
    for (size_t i = 0; i < count; i++) {
        from[i] = (sort_entry){items->list[i].prefix, (uint32_t)i};
    }
    for (unsigned shift = 0; shift < 64; shift += 8) {
        if (radix_pass(from, to, count, shift)) {
            sort_entry *swap = from;
            from = to;
            to = swap;
        }
    }
    pg_item *sorted = mr_realloc_array(NULL, items->capacity, sizeof *sorted);
    for (size_t i = 0; i < count; i++) {
        sorted[i] = items->list[from[i].from];
    }
    free(items->list);
    free(entries);
    items->list = sorted;
}

/* The version of an item's record; NULL: it has none. */
static const mr_cell *version_of(const pg_route *route, const pg_item *item)
{
    const struct pg_pending *from = &route->pending[item->batch];
    const pg_plan *plan = from->plan;
    if (plan->version == plan->count) {
        return NULL;
    }
    const mr_cell *fields = from->batch->records[item->index].value->as.cells;
    const mr_cell *cell = &fields[plan->columns[plan->version].field];
    return cell->type == MR_NULL ? NULL : cell;
}

/* Is the version of b at least that of a? Having none is lowest. */
static bool not_older(const mr_cell *a, const mr_cell *b, mr_buffer room[2])
{
    if (!a || !b) {
        return !a;
    }
    mr_buffer_clear(&room[0]);
    mr_buffer_clear(&room[1]);
    add_cell(&room[0], a);
    add_cell(&room[1], b);
    size_t len = room[0].len < room[1].len ? room[0].len : room[1].len;
    int order = len ? memcmp(room[0].data, room[1].data, len) : 0;
    return order ? order < 0 : room[0].len <= room[1].len;
}

static const pg_plan *plan_of(const pg_route *route, const pg_item *item)
{
    return route->pending[item->batch].plan;
}

/* Of the items of one key, in order of arrival, moves those to the front that a table with
 * version.field takes: each as new as all before it. A delete that does not say which version it
 * deletes is taken in its place, and what was before it is gone. Their count. */
static size_t take_newer(const pg_route *route, pg_item *items, size_t count, mr_buffer room[2])
{
    size_t taken = 0;
    for (size_t i = 0; i < count; i++) {
        const mr_cell *version = version_of(route, &items[i]);
        if (!version && plan_of(route, &items[i])->deletes) {
            taken = 0;
        } else if (taken && !not_older(version_of(route, &items[taken - 1]), version, room)) {
            continue;
        }
        items[taken++] = items[i];
    }
    return taken;
}

/* Has `later` all columns of `earlier`? */
static bool overwrites(const pg_plan *later, const pg_plan *earlier)
{
    for (size_t i = 0; i < earlier->count && later != earlier; i++) {
        size_t at = 0;
        while (at < later->count &&
               strcmp(later->columns[at].quoted, earlier->columns[i].quoted) != 0) {
            at++;
        }
        if (at == later->count) {
            return false;
        }
    }
    return true;
}

/* Of the items of one key, in order of arrival, moves those to the front that make the row what it
 * becomes by all of them: the last, before it rows with columns that none of the later ones has,
 * and a delete before them. Their count. */
static size_t choose(pg_route *route, pg_item *items, size_t count, mr_buffer room[2])
{
    if (route->options->version_field && count > 1) {
        count = take_newer(route, items, count, room);
    }
    size_t first = count - 1; /* of those chosen, which are kept together at the end */
    for (size_t i = count - 1; i-- > 0 && !plan_of(route, &items[first])->deletes;) {
        const pg_plan *plan = plan_of(route, &items[i]);
        size_t later = first;
        while (later < count && !plan->deletes &&
               !overwrites(plan_of(route, &items[later]), plan)) {
            later++;
        }
        if (plan->deletes || later == count) {
            items[--first] = items[i];
        }
    }
    size_t chosen = count - first;
    memmove(items, items + first, chosen * sizeof *items);
    for (size_t i = 0; i < chosen; i++) {
        items[i].layer = plan_of(route, &items[i])->deletes ? 0 : (uint32_t)(chosen - 1 - i);
        route->layers = items[i].layer < route->layers ? route->layers : items[i].layer + 1;
    }
    return chosen;
}

void pg_dedupe_finish(pg_route *route)
{
    pg_items *items = &route->items;
    route->layers = 1;
    if (!items->count) {
        return;
    }
    sort_by_prefix(items);
    mr_buffer room[2] = {MR_BUFFER_INIT(1 << 30), MR_BUFFER_INIT(1 << 30)};
    size_t kept = 0;
    for (size_t i = 0; i < items->count;) {
        size_t end = i + 1; /* of the run that shares a prefix */
        while (end < items->count && items->list[end].prefix == items->list[i].prefix) {
            end++;
        }
        if (end - i > 1) {
            qsort(items->list + i, end - i, sizeof *items->list, compare_items);
        }
        while (i < end) {
            size_t same = i + 1;
            while (same < end && !compare_keys(&items->list[i], &items->list[same])) {
                same++;
            }
            size_t chosen = choose(route, items->list + i, same - i, room);
            memmove(items->list + kept, items->list + i, chosen * sizeof *items->list);
            kept += chosen;
            i = same;
        }
    }
    items->count = kept;
    mr_buffer_release(&room[0]);
    mr_buffer_release(&room[1]);
}
