/* SPDX-License-Identifier: Apache-2.0 */
/* Queries over documents: fields that no document had so far are NULL, ids read as people know
 * them; a schema that is not of documents stays strict. */
#include "fixture.h"

#include "codec/bson.h"

#define DOCUMENT(alias)                                                                            \
    "{'type':'record','name':'taxi.trips','aliases':['" alias "'],'fields':["                      \
    "{'name':'_id','type':['null',{'type':'fixed','name':'millrace.ObjectId','size':12}],"         \
    "'default':null},"                                                                             \
    "{'name':'STATUS','type':['null','string'],'default':null},"                                   \
    "{'name':'fare','type':['null','double'],'default':null}]}"

static void add_document(fixture *f, const char *status, double fare)
{
    const mr_cell fields[] = {
        some(c_data(MR_FIXED, "\x5c\x96\x41\x00\x01\x02\x03\x04\x05\x06\x07\x08", 12)),
        some(c_text(status)), some(c_double(fare))};
    add_record(f, fields, 3);
}

static void absent_fields(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, DOCUMENT(MR_BSON_ABSENT));
    add_document(&f, "Completed", 9.5);
    query(&f, "SELECT STATUS, TIP, fare + TIP AS total, coalesce(TIP, 0) AS tip0,"
              " CAST(TIP AS DECIMAL(10, 2)) AS exact, to_timestamp(DROPOFF) AS dropped,"
              " old('DRIVER') AS driver FROM record r"
              " WHERE r.CANCELLED IS NULL AND STATUS = 'Completed'");
    expect_counts(&f, 1, 0);
    expect_text(&f, 0, "STATUS", "Completed");
    expect_null(&f, 0, "TIP");
    expect_null(&f, 0, "total");
    expect_int(&f, 0, "tip0", 0);
    expect_null(&f, 0, "exact");
    expect_null(&f, 0, "dropped");
    expect_null(&f, 0, "driver");
    expect_type(&f, "exact", MR_DECIMAL, true);
    query(&f, "SELECT * FROM record WHERE CANCELLED IS NULL");
    expect_counts(&f, 1, 0);
    assert_int_equal(f.result.batch.schema->field_count, 3);
    query(&f, "SELECT STATUS FROM record WHERE TIP > 5");
    expect_counts(&f, 0, 0);
    query(&f, "SELECT STATUS AS s FROM record WHERE s = 'Completed'"); /* a name of the query's */
    expect_counts(&f, 1, 0);
    fixture_release(&f);
}

static void fields_that_differ_in_case(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, "{'type':'record','name':'taxi.trips','aliases':['" MR_BSON_ABSENT "'],"
                     "'fields':[{'name':'x','type':'int'},{'name':'Status','type':'int'},"
                     "{'name':'STATUS','type':'int'}]}");
    ADD(&f, c_int(MR_INT, 1), c_int(MR_INT, 2), c_int(MR_INT, 3));
    query(&f, "SELECT STATUS + x AS sum, status FROM record WHERE status = 2");
    expect_counts(&f, 1, 0);
    expect_int(&f, 0, "sum", 3);
    query(&f, "SELECT * FROM record WHERE x = 1");
    expect_int(&f, 0, "Status", 2);
    expect_int(&f, 0, "STATUS", 3);
    fixture_release(&f);
}

static void other_mistakes_stay_mistakes(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, DOCUMENT(MR_BSON_ABSENT));
    add_document(&f, "Completed", 9.5);
    refused(&f, "SELECT uper(STATUS) AS s FROM record", "no such function: uper");
    refused(&f, "SELECT STATUS + 1 AS s FROM record", "");
    fixture_release(&f);
    fixture_init(&f, DOCUMENT("other.Alias"));
    add_document(&f, "Completed", 9.5);
    refused(&f, "SELECT TIP FROM record", "no such column: TIP");
    refused(&f, "SELECT old('TIP') AS t FROM record", "there is no field 'TIP'");
    fixture_release(&f);
}

static void ids(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, "{'type':'record','name':'taxi.trips','fields':[{'name':'x','type':"
                     "{'type':'record','name':'inner','fields':[{'name':'_id','type':"
                     "{'type':'fixed','name':'millrace.ObjectId','size':12}}]}}]}");
    const mr_cell id = c_data(MR_FIXED, "\x5c\x96\x41\x00\x01\x02\x03\x04\x05\x06\x07\x08", 12);
    const mr_cell inner = {.type = MR_RECORD, .len = 1, .as.cells = &id};
    add_record(&f, &inner, 1);
    query(&f, "SELECT x ->> '_id' AS id, hex(x) <> '' AS any FROM record");
    expect_text(&f, 0, "id", "5c9641000102030405060708");
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_fields),
        cmocka_unit_test(fields_that_differ_in_case),
        cmocka_unit_test(other_mistakes_stay_mistakes),
        cmocka_unit_test(ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
