-- SPDX-License-Identifier: Apache-2.0
-- call billingandpayments();  bills the trips completed today (UTC), one billing and one payment row for each driver.
-- call billingandpayments('2026-01-02');  does the same for another day: one that was missed, or trips that came late.
--
-- Nothing is billed twice, also by two calls at once: the trips are locked first, and a call that had to wait for the lock
-- sees that they are Processed. They are locked in the order in which the sink writes them, so the two do not deadlock.
-- All of it is one transaction; what the sink stores meanwhile is left for the next call.
CREATE PROCEDURE billingandpayments(day date DEFAULT (now() AT TIME ZONE 'UTC')::date)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    day_start constant timestamptz := day::timestamp AT TIME ZONE 'UTC';
    day_end constant timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
    share constant numeric := 0.8; -- what the driver gets: the commission
    cycle bigint;
    due bigint[];
    billed integer := 0;
    paid integer := 0;
    marked integer := 0;
    total numeric := 0;
    earlier integer;
    earliest date;
BEGIN
    SELECT array_agg(id) INTO due FROM (
        SELECT id FROM trips
        WHERE status = 'Completed' AND dropoff_datetime >= day_start AND dropoff_datetime < day_end
        ORDER BY rider_email COLLATE "C", trip_info COLLATE "C"
        FOR UPDATE) AS locked;

    IF due IS NOT NULL THEN
        cycle := nextval('billing_cycle_seq');

        INSERT INTO billing (driver_id, billing_cycle, cycle_start, cycle_end, billing_amount, commission, rides)
        SELECT driver_id, cycle, day_start, day_end, sum(total_amount), share, count(*)
        FROM trips WHERE id = ANY (due) GROUP BY driver_id ORDER BY driver_id;
        GET DIAGNOSTICS billed = ROW_COUNT;

        UPDATE trips SET status = 'Processed', billing_id = b.billing_id
        FROM billing b
        WHERE trips.id = ANY (due) AND b.billing_cycle = cycle AND b.driver_id = trips.driver_id;
        GET DIAGNOSTICS marked = ROW_COUNT;

        INSERT INTO payment (billing_id, driver_id, payment_amount, payment_method)
        SELECT b.billing_id, b.driver_id, b.billing_amount * b.commission, d.payment_method
        FROM billing b JOIN drivers d USING (driver_id)
        WHERE b.billing_cycle = cycle ORDER BY b.billing_id;
        GET DIAGNOSTICS paid = ROW_COUNT;

        UPDATE billing SET status = 'Processed' WHERE billing_cycle = cycle;
        SELECT sum(billing_amount) INTO total FROM billing WHERE billing_cycle = cycle;
        RAISE NOTICE 'billing cycle % (%): % trips, % billing rows, % payments, % in all',
            cycle, day, marked, billed, paid, total;
    ELSE
        RAISE NOTICE 'no billing cycle (%): 0 trips, 0 billing rows, 0 payments', day;
    END IF;

    SELECT count(*), min((dropoff_datetime AT TIME ZONE 'UTC')::date) INTO earlier, earliest
    FROM trips WHERE status = 'Completed' AND dropoff_datetime < day_start;
    IF earlier > 0 THEN
        RAISE NOTICE '% trips of earlier days are not billed; the first: call billingandpayments(''%'')', earlier, earliest;
    END IF;
END
$$;
REVOKE EXECUTE ON PROCEDURE billingandpayments(date) FROM PUBLIC;
