#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# sql/taxi without the pipeline: migrations, what call billingandpayments() makes of given trips (against Python's decimals),
# calls at once, closed trips, and what each role can not do.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
needs postgres
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
name=$(unique billing)
server=$DATABASE_URL
psql -Xq "$server" -c "CREATE DATABASE $name"
DATABASE_URL=$(sed -E "s#^(postgres(ql)?://[^/]*/)[^?]*#\1$name#" <<<"$server")
export DATABASE_URL
cd "$TMP"

# "Today" must not end meanwhile.
day_is_long() { ((10#$(date -u +%H%M) < 2350)); }
eventually 660 day_is_long || skip_all "the day does not end"

# --- Migrations ---

mkdir steps && cp "$MILLRACE_ROOT"/sql/taxi/0*.sql steps
run_ok "the database is set up" "$MILLRACE_ROOT/sql/migrate" steps
equal "by all numbered files" "$(cd steps && printf 'steps/%s\n' *.sql)" "$(<out)"
run_ok "again, with nothing to do" "$MILLRACE_ROOT/sql/migrate" steps
equal "and nothing is done" "" "$(<out)"
echo "CREATE TABLE later (id int); SELECT 1/0;" >steps/0099_later.sql
run_fails "a file that fails" 3 "division by zero" "$MILLRACE_ROOT/sql/migrate" steps
equal "leaves nothing behind" "f" "$(sql "SELECT to_regclass('later') IS NOT NULL")"
rm steps/0099_later.sql && echo "-- more" >>steps/0001_tables.sql
run_fails "a file that was changed after it was applied" 3 "has been changed since" "$MILLRACE_ROOT/sql/migrate" steps
run_fails "a folder that is not there" 2 "usage: sql/migrate" "$MILLRACE_ROOT/sql/migrate" nowhere
psql -Xq -f "$MILLRACE_ROOT/sql/taxi/seed.sql" "$DATABASE_URL"
run_ok "the seed can be run again" psql -Xq -v ON_ERROR_STOP=1 -f "$MILLRACE_ROOT/sql/taxi/seed.sql" "$DATABASE_URL"
equal "and gives the same" "100 20" "$(sql "SELECT count(*) || ' ' || (SELECT count(*) FROM drivers) FROM riders")"

# --- What is billed ---

sql "CREATE SEQUENCE trip_number;
     CREATE FUNCTION trip(driver int, total numeric, ended timestamptz) RETURNS void LANGUAGE sql AS \$\$
     INSERT INTO trips (rider_id, rider_name, rider_email, rider_mobile, trip_info, pickup_datetime, driver_id, driver_name,
         driver_email, driver_mobile, vehicle_id, cab_type_id, vendor_id, trip_type, pickup_longitude, pickup_latitude,
         store_and_fwd_flag, dropoff_datetime, dropoff_longitude, dropoff_latitude, rate_code, passenger_count, trip_distance,
         fare_amount, extra, mta_tax, tip_amount, tolls_amount, improvement_surcharge, total_amount, payment_type)
     SELECT rider_id, rider_name, rider_email, rider_mobile, format('2026-01-02T03:04:05Z,%s', nextval('trip_number')),
         ended - interval '10 min', driver_id, driver_name, driver_email, driver_mobile, vehicle_id, cab_type_id, vendor_id,
         1, -73.9, 40.7, 'N', ended, -73.8, 40.8, 1, 2, 1.50, total, 0, 0, 0, 0, 0, total, 1
     FROM riders, drivers WHERE driver_id = driver AND rider_id = 71400 + (SELECT last_value % 100 FROM trip_number) \$\$"
sql "SELECT driver_id, payment_method FROM drivers" >drivers
today=$(sql "SELECT (now() AT TIME ZONE 'UTC')::date")
noon="'$today 12:00 UTC'"

# ledger <cycle>: what the tables hold of it, in the form of expected.py.
ledger() {
    sql "SELECT driver_id, rides, billing_amount, payment_amount, payment_method FROM billing JOIN payment USING (billing_id, driver_id)
         WHERE billing_cycle = $1 ORDER BY driver_id"
}
call() { psql -Xq -v ON_ERROR_STOP=1 "$DATABASE_URL" -c "CALL billingandpayments($1)" 2>&1; }

equal "nothing to bill" "NOTICE:  no billing cycle ($today): 0 trips, 0 billing rows, 0 payments" "$(call "")"
equal "uses up no cycle" "f" "$(sql "SELECT is_called FROM billing_cycle_seq")"
sql "SELECT setseed(0.5); SELECT trip(102001 + (random() * 18)::int, (random() * 20000)::int / 100.0, $noon) FROM generate_series(1, 2000)" >/dev/null
sql "SELECT trip(102020, 0.1, $noon), trip(102020, 0.2, $noon), trip(102020, 99999999.99, $noon)" >/dev/null
# The edges of the day, and the days before and after.
sql "SELECT trip(102001, 7.77, '$today 00:00 UTC'), trip(102001, 8.88, '$today 23:59:59.999999 UTC')" >/dev/null
sql "SELECT driver_id, total_amount FROM trips" >billed
sql "SELECT trip(102001, 1000, '$today 00:00 UTC'::timestamptz - interval '1 us'),
            trip(102001, 2000, '$today 00:00 UTC'::timestamptz + interval '1 day')" >/dev/null
call "" >notices
equal "the counts are told" "NOTICE:  billing cycle 1 ($today): 2005 trips, 20 billing rows, 20 payments, $(cut -d '|' -f 2 billed |
    python3 -c 'import sys, decimal; print(sum(decimal.Decimal(line.strip()) for line in sys.stdin))') in all" "$(head -n 1 notices)"
yesterday=$(sql "SELECT '$today'::date - 1")
equal "and what an earlier day has left" \
    "NOTICE:  1 trips of earlier days are not billed; the first: call billingandpayments('$yesterday')" "$(tail -n 1 notices)"
python3 "$here/expected.py" drivers billed >expected
ledger 1 >found
same_files "billing and payment are what Python computes" expected found
equal "the cycle is the day in UTC" "t|0.80|Processed" "$(sql "SELECT DISTINCT cycle_start = '$today 00:00 UTC' AND
    cycle_end = '$today 00:00 UTC'::timestamptz + interval '1 day', commission, status FROM billing")"
equal "its trips are marked, the others are not" "Completed|2|f
Processed|2005|t" "$(sql "SELECT status, count(*), bool_and(billing_id IS NOT NULL) FROM trips GROUP BY 1 ORDER BY 1")"
contains "called again it bills nothing" "$(call "")" "no billing cycle"
equal "and leaves all as it was" "$(<expected)" "$(ledger 1)"
sql "SELECT trip(102003, 12.35, $noon)" >/dev/null
contains "a trip that comes later on the day" "$(call "")" "billing cycle 2 ($today): 1 trips, 1 billing rows, 1 payments, 12.35"
equal "is billed alone" "102003|1|12.35|9.8800|$(grep 102003 drivers | cut -d '|' -f 2)" "$(ledger 2)"
contains "another day can be billed" "$(call "'$yesterday'")" "billing cycle 3 ($yesterday): 1 trips, 1 billing rows, 1 payments, 1000.00"
equal "tomorrow's trip waits" "2000.00" "$(sql "SELECT total_amount FROM trips WHERE status = 'Completed'")"
equal "every session's time zone bills the same day" "NOTICE:  no billing cycle ($today)" \
    "$(PGTZ=Pacific/Kiritimati call "" | grep -o 'NOTICE:  no billing cycle ([0-9-]*)')"

# --- A billed trip is closed ---

run_fails "a billed trip does not change" 1 "was billed (billing" \
    psql -Xq "$DATABASE_URL" -c "UPDATE trips SET total_amount = 13 WHERE total_amount = 12.35"
run_ok "but may be written as it is" psql -Xq -v ON_ERROR_STOP=1 "$DATABASE_URL" -c "UPDATE trips SET total_amount = 12.35 WHERE total_amount = 12.35"
run_ok "and before it was billed it may change" psql -Xq -v ON_ERROR_STOP=1 "$DATABASE_URL" -c "UPDATE trips SET total_amount = 2001 WHERE total_amount = 2000"

# --- Two calls at once ---

# One call holds its transaction open; the other waits for it and then finds nothing.
sql "SELECT trip(102005, 10, $noon) FROM generate_series(1, 50)" >/dev/null
coproc FIRST { psql -XqAt "$DATABASE_URL" 2>first; }
printf 'BEGIN; CALL billingandpayments();\n\\echo called\n' >&"${FIRST[1]}"
read -r -t 30 reached <&"${FIRST[0]}" || reached="nothing within 30 s"
equal "a call is under way" "called" "$reached"
background second psql -Xq "$DATABASE_URL" -c "CALL billingandpayments()"
second=$LAST
waits() { [[ $(sql "SELECT count(*) FROM pg_stat_activity WHERE datname = '$name' AND wait_event_type = 'Lock'") == 1 ]]; }
if eventually 30 waits; then ok "another waits for it"; else not_ok "another waits for it" "$(<second)"; fi
first_pid=${FIRST_PID:?}
printf 'COMMIT;\n\\q\n' >&"${FIRST[1]}"
wait "$first_pid" "$second" || true
contains "the first billed all" "$(<first)" "50 trips, 1 billing rows, 1 payments, 500.00"
contains "the second nothing" "$(<second)" "no billing cycle"

# Many calls while trips arrive and are corrected: each trip is in just one bill, at the amount that was billed.
writer() {
    local i
    for ((i = 0; i < 150; i++)); do
        echo "SELECT trip(102001 + $i % 20, $i + 0.01, $noon), trip(102001 + $i * 7 % 20, 5, $noon);"
        echo "UPDATE trips SET total_amount = total_amount + 1 WHERE status = 'Completed' AND id % 3 = 0;"
    done | psql -XqAt -v ON_ERROR_STOP=1 "$DATABASE_URL" >/dev/null
}
caller() {
    local i
    for ((i = 0; i < 40; i++)); do
        echo "CALL billingandpayments();"
    done | psql -Xq -v ON_ERROR_STOP=1 "$DATABASE_URL" 2>/dev/null
}
writer & jobs=($!)
for ((n = 0; n < 4; n++)); do
    caller & jobs+=($!)
done
failed=0
for job in "${jobs[@]}"; do
    wait "$job" || failed=1
done
equal "no call and no writer failed" 0 "$failed"
call "" >/dev/null
equal "each trip of the day is billed" 0 "$(sql "SELECT count(*) FROM trips WHERE status = 'Completed' AND dropoff_datetime = $noon")"
equal "every bill is the sum of its trips" "0" "$(sql "SELECT count(*) FROM billing b FULL JOIN
    (SELECT billing_id, driver_id, sum(total_amount) AS amount, count(*) AS rides FROM trips WHERE billing_id IS NOT NULL GROUP BY 1, 2) t
    USING (billing_id, driver_id) WHERE (b.billing_amount, b.rides::bigint) IS DISTINCT FROM (t.amount, t.rides)")"
equal "and has one payment of its own" "0" "$(sql "SELECT count(*) FROM billing b FULL JOIN payment p USING (billing_id, driver_id)
    WHERE b.billing_amount * b.commission IS DISTINCT FROM p.payment_amount")"

# --- Roles ---

roles() { psql -Xq -v sink="${name}_sink" -v billing="${name}_billing" -f "$MILLRACE_ROOT/sql/taxi/roles.sql" "$DATABASE_URL"; }
run_ok "roles are made" roles
equal "without a word" "" "$(<out)"
run_ok "again" roles
# can <role> <statement>, can_not <role> <what> <statement>
can() { run_ok "$1 can: $2" env PGOPTIONS="-c role=${name}_$1" psql -Xq -v ON_ERROR_STOP=1 "$DATABASE_URL" -c "$2"; }
can_not() { run_fails "$1 can not: $2" 1 "permission denied" env PGOPTIONS="-c role=${name}_$1" psql -Xq "$DATABASE_URL" -c "$2"; }
can sink "SELECT rider_email, trip_info, total_amount FROM trips"
for statement in "SELECT status FROM trips" "SELECT * FROM trips" "SELECT billing_id FROM trips" "UPDATE trips SET status = 'Completed'" \
    "UPDATE trips SET billing_id = NULL" "INSERT INTO trips (status) VALUES ('Processed')" "DELETE FROM trips" "TRUNCATE trips" \
    "SELECT * FROM riders" "SELECT * FROM drivers" "SELECT * FROM cab_types" "SELECT * FROM billing" "SELECT * FROM payment" \
    "INSERT INTO billing (driver_id) VALUES (1)" "SELECT nextval('billing_cycle_seq')" "CALL billingandpayments()" \
    "CREATE TABLE public.mine (id int)" "SELECT * FROM millrace.migrations" "DELETE FROM millrace.offsets"; do
    can_not sink "$statement"
done
can billing "CALL billingandpayments()"
for table in trips billing payment riders drivers millrace.offsets; do
    can_not billing "SELECT * FROM $table"
    can_not billing "DELETE FROM $table"
done
sql "SELECT trip(102009, 3, $noon)" >/dev/null
can billing "CREATE TEMPORARY TABLE trips AS SELECT 1 AS id, 102001 AS driver_id, 999.0 AS total_amount, 'Completed' AS status, now() AS dropoff_datetime, '' AS rider_email, '' AS trip_info; CALL billingandpayments()"
contains "and a table of its own is not taken for the real one" "$(<out)" "1 trips, 1 billing rows, 1 payments, 3.00 in all"

sql "DROP OWNED BY ${name}_sink, ${name}_billing; DROP ROLE ${name}_sink, ${name}_billing"
psql -Xq "$server" -c "DROP DATABASE $name"
scenario_end
