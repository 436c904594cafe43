/* SPDX-License-Identifier: Apache-2.0 */
/* The three queries of the trip analytics example, over trips as the file source reads them. */
#include "fixture.h"

static const char trip_schema[] =
    "{'type':'record','name':'nyc.Trip','fields':["
    "{'name':'trip_id','type':['null','string']},"
    "{'name':'pickup','type':{'type':'long','logicalType':'timestamp-micros'}},"
    "{'name':'dropoff','type':['null',{'type':'long','logicalType':'timestamp-micros'}]},"
    "{'name':'distance','type':['null','double']},{'name':'fare','type':'double'},"
    "{'name':'tip','type':['null','double']},{'name':'total','type':'double'},"
    "{'name':'payment','type':['null','string']},{'name':'pickup_zone','type':['null','string']},"
    "{'name':'dropoff_zone','type':['null','string']}]}";

static const int64_t start_us = 1553372469000000; /* 2019-03-23T20:21:09Z */

static mr_cell at(int64_t seconds)
{
    return c_int(MR_TIMESTAMP_US, start_us + seconds * 1000000);
}

static void add_trip(fixture *f, const char *id, int64_t seconds, double distance, double total)
{
    ADD(f, id ? some(c_text(id)) : c_null(), at(0), seconds < 0 ? c_null() : some(at(seconds)),
        distance < 0 ? c_null() : some(c_double(distance)), c_double(7.0), some(c_double(2.15)),
        c_double(total), some(c_text("credit card")), some(c_text("Lenox Hill West")), c_null());
}

static void setup(fixture *f)
{
    fixture_init(f, trip_schema);
    add_trip(f, "a", 375, 1.6, 12.95);
    add_trip(f, "b", 600, 0.0, 50.0);
    add_trip(f, NULL, 1800, -1, 50.01);
    add_trip(f, "d", -1, 3.5, 99.0);
}

static void high_value_trips(void **state)
{
    (void)state;
    fixture f;
    setup(&f);
    query(&f, "SELECT coalesce(trip_id, uuid5('url', pickup || '/' || pickup_zone)) AS trip_id,"
              " pickup AS pickup_datetime, dropoff AS dropoff_datetime, distance AS trip_distance,"
              " fare AS fare_amount, tip AS tip_amount, total AS total_amount,"
              " payment AS payment_type, pickup_zone, dropoff_zone"
              " FROM record WHERE total > 50");
    expect_counts(&f, 2, 0);
    expect_type(&f, "trip_id", MR_STRING, true);
    expect_type(&f, "pickup_datetime", MR_TIMESTAMP_US, false);
    expect_type(&f, "dropoff_datetime", MR_TIMESTAMP_US, true);
    expect_type(&f, "trip_distance", MR_DOUBLE, true);
    expect_type(&f, "total_amount", MR_DOUBLE, false);
    /* python3: uuid.uuid5(uuid.NAMESPACE_URL, "1553372469000000/Lenox Hill West") */
    expect_text(&f, 0, "trip_id", "789ace2f-a94f-5fc4-b28f-de3edc2c034f");
    expect_text(&f, 1, "trip_id", "d");
    expect_double(&f, 0, "total_amount", 50.01);
    expect_int(&f, 0, "pickup_datetime", start_us);
    expect_null(&f, 0, "trip_distance");
    expect_null(&f, 1, "dropoff_datetime");
    expect_null(&f, 1, "dropoff_zone");
    expect_text(&f, 1, "payment_type", "credit card");
    assert_int_equal(f.result.batch.records[0].origin, 1002);
    assert_int_equal(f.result.batch.records[1].origin, 1003);
    fixture_release(&f);
}

static void trip_duration_analysis(void **state)
{
    (void)state;
    fixture f;
    setup(&f);
    query(&f, "SELECT trip_id, pickup AS pickup_datetime, dropoff AS dropoff_datetime,"
              " minutes_between(pickup, dropoff) AS duration_minutes,"
              " CASE WHEN minutes_between(pickup, dropoff) < 10 THEN 'short'"
              "  WHEN minutes_between(pickup, dropoff) < 30 THEN 'medium'"
              "  WHEN minutes_between(pickup, dropoff) >= 30 THEN 'long' END AS duration_class"
              " FROM record");
    expect_counts(&f, 4, 0);
    expect_type(&f, "duration_minutes", MR_DOUBLE, true);
    expect_type(&f, "duration_class", MR_STRING, true);
    expect_double(&f, 0, "duration_minutes", 6.25);
    expect_text(&f, 0, "duration_class", "short");
    expect_text(&f, 1, "duration_class", "medium");
    expect_text(&f, 2, "duration_class", "long");
    expect_null(&f, 3, "duration_minutes");
    expect_null(&f, 3, "duration_class");
    query(&f, "SELECT (dropoff - pickup) / 60e6 AS m FROM record");
    expect_type(&f, "m", MR_DOUBLE, true);
    expect_double(&f, 1, "m", 10.0);
    fixture_release(&f);
}

static void distance_to_fare_ratio(void **state)
{
    (void)state;
    fixture f;
    setup(&f);
    query(&f, "SELECT trip_id, distance AS trip_distance, fare AS fare_amount,"
              " fare / nullif(distance, 0) AS fare_per_distance FROM record");
    expect_counts(&f, 4, 0);
    expect_type(&f, "fare_per_distance", MR_DOUBLE, true);
    expect_double(&f, 0, "fare_per_distance", 7.0 / 1.6);
    expect_null(&f, 1, "fare_per_distance"); /* distance 0 */
    expect_null(&f, 2, "fare_per_distance"); /* distance missing */
    expect_double(&f, 3, "fare_per_distance", 2.0);
    fixture_release(&f);
}

static void all_columns_and_an_id(void **state)
{
    (void)state;
    fixture f;
    setup(&f);
    query(&f, "SELECT *, uuid5('dns', 'www.example.com') AS id FROM record");
    expect_counts(&f, 4, 0);
    assert_int_equal(f.result.batch.schema->field_count, 11);
    assert_string_equal(f.result.batch.schema->name, "mr.test.Row");
    expect_type(&f, "id", MR_UUID, false);
    /* RFC 4122 errata, and python3 uuid.uuid5(uuid.NAMESPACE_DNS, "www.example.com") */
    expect_text(&f, 3, "id", "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    expect_text(&f, 0, "trip_id", "a");
    fixture_release(&f);
}

/* Taxi billing: the change stream's trips that have just been completed, money exact. */
static void completed_trips(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, "{'type':'record','name':'Trip','fields':["
                     "{'name':'RIDER_EMAIL','type':'string'},"
                     "{'name':'PICKUP_DATETIME','type':['null','string']},"
                     "{'name':'STATUS','type':'string'},"
                     "{'name':'TOTAL_AMOUNT','type':['null','double']}]}");
    static const char *const was[] = {"InProgress", "Completed", "Booked", NULL};
    mr_cell images[4][4], before[4];
    for (int i = 0; i < 4; i++) {
        ADD(&f, c_text("person1@example.com"), some(c_text("2026-01-02T03:04:05Z")),
            c_text(i == 2 ? "InProgress" : "Completed"), some(c_double(12.95)));
        memcpy(images[i], f.records[i].value->as.cells, sizeof images[i]);
        before[i] = (mr_cell){.type = MR_RECORD, .len = 4, .as.cells = images[i]};
        f.records[i].op = was[i] ? MR_OP_UPDATE : MR_OP_CREATE;
        if (was[i]) {
            images[i][2] = c_text(was[i]);
            f.records[i].before = &before[i];
        }
    }
    query(&f, "SELECT RIDER_EMAIL AS rider_email, CAST(PICKUP_DATETIME AS TIMESTAMP) AS"
              " pickup_datetime, CAST(TOTAL_AMOUNT AS DECIMAL(10, 2)) AS total_amount,"
              " dec_mul(CAST(TOTAL_AMOUNT AS DECIMAL(10, 2)), 0.8) AS commission FROM record"
              " WHERE _op = 'update' AND STATUS = 'Completed' AND old('STATUS') <> 'Completed'");
    expect_counts(&f, 1, 0);
    assert_int_equal(f.result.batch.records[0].origin, 1000);
    expect_text(&f, 0, "rider_email", "person1@example.com");
    expect_type(&f, "pickup_datetime", MR_TIMESTAMP_US, true);
    expect_int(&f, 0, "pickup_datetime", 1767323045000000);
    expect_type(&f, "total_amount", MR_DECIMAL, true);
    expect_bytes(&f, 0, "total_amount", "\x05\x0f", 2); /* 1295 */
    expect_bytes(&f, 0, "commission", "\x28\x78", 2);   /* 10.360 */
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(high_value_trips),       cmocka_unit_test(trip_duration_analysis),
        cmocka_unit_test(distance_to_fare_ratio), cmocka_unit_test(all_columns_and_an_id),
        cmocka_unit_test(completed_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
