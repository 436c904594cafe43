/* SPDX-License-Identifier: Apache-2.0 */
/* Records of one key that have other columns each, taken together in an epoch: the row ends as it
 * would had they been written one by one. */
#include "integration/postgres/rig.h"

enum { KEYS = 12, COLUMNS = 3, EPOCHS = 60, BATCHES = 6, RECORDS = 5, GONE = -1 };

#define FIELD(name) ",{\"name\":\"" name "\",\"type\":\"int\"}"
#define RECORD(fields)                                                                             \
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"id\",\"type\":\"int\"}" fields "]}"

static const struct form {
    const char *json;
    size_t columns[COLUMNS], count;
} forms[] = {
    {RECORD(FIELD("a") FIELD("b")), {0, 1}, 2},
    {RECORD(FIELD("b") FIELD("c")), {1, 2}, 2},
    {RECORD(FIELD("c")), {2}, 1},
};

enum { FORMS = sizeof forms / sizeof *forms };

typedef struct world {
    rig *r;
    const mr_schema *schemas[FORMS];
    int rows[KEYS][COLUMNS]; /* as they must be; GONE in the first: there is none */
    uint64_t seed;
} world;

static unsigned draw(world *w, unsigned below)
{
    w->seed = w->seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (unsigned)(w->seed >> 33) % below;
}

static void model_delete(world *w, unsigned key)
{
    w->rows[key][0] = GONE;
}

static void model_write(world *w, unsigned key, size_t column, int value)
{
    if (w->rows[key][0] == GONE) {
        for (int c = 0; c < COLUMNS; c++) {
            w->rows[key][c] = 7 + c; /* the table's defaults */
        }
    }
    w->rows[key][column] = value;
}

/* A batch of one schema, some of its records deletes, written into the model as well. */
static mr_batch *draw_batch(world *w)
{
    size_t f = draw(w, FORMS);
    size_t width = 1 + forms[f].count;
    mr_cell cells[RECORDS * (1 + COLUMNS)];
    char *deleted[RECORDS] = {NULL};
    for (size_t i = 0; i < RECORDS; i++) {
        unsigned key = draw(w, KEYS);
        bool deletes = draw(w, 5) == 0;
        cells[i * width] = cell_int(MR_INT, key);
        for (size_t c = 0; c < forms[f].count; c++) {
            int value = (int)draw(w, 1000);
            cells[i * width + 1 + c] = cell_int(MR_INT, value);
            if (!deletes) {
                model_write(w, key, forms[f].columns[c], value);
            }
        }
        if (deletes) {
            deleted[i] = mr_arena_alloc(w->r->task.arena, 16);
            snprintf(deleted[i], 16, "%u", key);
            model_delete(w, key);
        }
    }
    mr_batch *batch = batch_of(w->r, w->schemas[f], 0, cells, width, RECORDS);
    for (size_t i = 0; i < RECORDS; i++) {
        if (deleted[i]) {
            mr_record *record = &batch->records[i];
            record->value = NULL;
            record->op = MR_OP_DELETE;
            record->raw_key = (mr_slice){deleted[i], strlen(deleted[i])};
        }
    }
    return batch;
}

static void assert_as_the_model(const world *w, const char *table)
{
    mr_buffer expected = MR_BUFFER_INIT(1 << 16);
    for (int key = 0; key < KEYS; key++) {
        const int *row = w->rows[key];
        if (row[0] != GONE) {
            mr_buffer_printf(&expected, "%s%d|%d|%d|%d", expected.len ? " " : "", key, row[0],
                             row[1], row[2]);
        }
    }
    char *select = mr_format("SELECT * FROM %s ORDER BY 1", table);
    assert_rows(select, mr_buffer_text(&expected));
    free(select);
    mr_buffer_release(&expected);
}

static void columns_that_are_not_written_stay(void **state)
{
    (void)state;
    sql("CREATE TABLE @.columns"
        " (id int PRIMARY KEY, a int DEFAULT 7, b int DEFAULT 8, c int DEFAULT 9)");
    world w = {.r = rig_new("columns"), .seed = 4711};
    rig_route(w.r, "r", "table", "@.columns", "key.fields", "id", NULL);
    assert_ok(w.r, rig_open(w.r));
    for (size_t f = 0; f < FORMS; f++) {
        w.schemas[f] = schema_of(forms[f].json);
    }
    for (unsigned key = 0; key < KEYS; key++) {
        model_delete(&w, key);
    }
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        mr_batch *batches[BATCHES];
        for (int b = 0; b < BATCHES; b++) {
            batches[b] = draw_batch(&w);
        }
        assert_ok(w.r, rig_epoch(w.r, batches, BATCHES));
        mr_arena_reset(w.r->task.arena);
        assert_as_the_model(&w, "@.columns");
    }
    rig_free(w.r);
    for (size_t f = 0; f < FORMS; f++) {
        mr_schema_release(w.schemas[f]);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(columns_that_are_not_written_stay),
};

rig_main(tests)
