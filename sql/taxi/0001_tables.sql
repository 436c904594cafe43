-- SPDX-License-Identifier: Apache-2.0
-- The relational ledger of examples/taxi-billing: who rides and drives, the completed trips, what was billed and paid.
-- Money is numeric, times are instants.
CREATE TABLE riders (
    rider_id integer PRIMARY KEY,
    rider_name text NOT NULL,
    rider_email text NOT NULL UNIQUE,
    rider_mobile text NOT NULL
);

CREATE TABLE cab_types (
    cab_type_id smallint PRIMARY KEY,
    cab_type text NOT NULL UNIQUE
);

CREATE TABLE rate_codes (
    rate_code smallint PRIMARY KEY,
    description text NOT NULL UNIQUE
);

CREATE TABLE payment_types (
    payment_type smallint PRIMARY KEY,
    description text NOT NULL UNIQUE
);

CREATE TABLE trip_status (
    status text PRIMARY KEY
);

CREATE TABLE drivers (
    driver_id integer PRIMARY KEY,
    driver_name text NOT NULL,
    driver_email text NOT NULL UNIQUE,
    driver_mobile text NOT NULL,
    vehicle_id text NOT NULL,
    cab_type_id smallint NOT NULL REFERENCES cab_types,
    vendor_id smallint NOT NULL,
    payment_method text NOT NULL CHECK (payment_method IN ('bank transfer', 'debit card', 'wallet', 'cheque'))
);

CREATE SEQUENCE billing_cycle_seq;

-- One row for each driver and cycle. Both amounts are exact: cents times a commission of two digits.
CREATE TABLE billing (
    billing_id bigserial PRIMARY KEY,
    driver_id integer NOT NULL REFERENCES drivers,
    billing_cycle bigint NOT NULL,
    cycle_start timestamptz NOT NULL,
    cycle_end timestamptz NOT NULL,
    billing_amount numeric(14, 2) NOT NULL,
    commission numeric(3, 2) NOT NULL CHECK (commission BETWEEN 0 AND 1),
    rides integer NOT NULL CHECK (rides > 0),
    billed_at timestamptz NOT NULL DEFAULT now(),
    status text NOT NULL DEFAULT 'Open' CHECK (status IN ('Open', 'Processed')),
    UNIQUE (driver_id, billing_cycle)
);

CREATE TABLE payment (
    payment_id bigserial PRIMARY KEY,
    billing_id bigint NOT NULL UNIQUE REFERENCES billing,
    driver_id integer NOT NULL REFERENCES drivers,
    payment_amount numeric(16, 4) NOT NULL,
    payment_method text NOT NULL,
    paid_at timestamptz NOT NULL DEFAULT now()
);

-- Written by the sink, but for the three columns that it can not touch: id, status and billing_id belong to the ledger.
CREATE TABLE trips (
    id bigserial PRIMARY KEY,
    rider_id integer NOT NULL REFERENCES riders,
    rider_name text NOT NULL,
    rider_email text NOT NULL,
    rider_mobile text NOT NULL,
    trip_info text NOT NULL,
    pickup_datetime timestamptz NOT NULL,
    driver_id integer NOT NULL REFERENCES drivers,
    driver_name text NOT NULL,
    driver_email text NOT NULL,
    driver_mobile text NOT NULL,
    vehicle_id text NOT NULL,
    cab_type_id smallint NOT NULL REFERENCES cab_types,
    vendor_id smallint NOT NULL,
    trip_type smallint NOT NULL,
    pickup_longitude double precision NOT NULL,
    pickup_latitude double precision NOT NULL,
    store_and_fwd_flag text NOT NULL CHECK (store_and_fwd_flag IN ('Y', 'N')),
    dropoff_datetime timestamptz NOT NULL,
    dropoff_longitude double precision NOT NULL,
    dropoff_latitude double precision NOT NULL,
    rate_code smallint NOT NULL REFERENCES rate_codes,
    passenger_count smallint NOT NULL,
    trip_distance numeric(8, 2) NOT NULL,
    fare_amount numeric(10, 2) NOT NULL,
    extra numeric(10, 2) NOT NULL,
    mta_tax numeric(10, 2) NOT NULL,
    tip_amount numeric(10, 2) NOT NULL,
    tolls_amount numeric(10, 2) NOT NULL,
    improvement_surcharge numeric(10, 2) NOT NULL,
    total_amount numeric(10, 2) NOT NULL,
    payment_type smallint NOT NULL REFERENCES payment_types,
    status text NOT NULL DEFAULT 'Completed' REFERENCES trip_status,
    billing_id bigint REFERENCES billing,
    UNIQUE (rider_email, trip_info),
    CHECK ((status = 'Processed') = (billing_id IS NOT NULL))
);
CREATE INDEX trips_to_bill ON trips (dropoff_datetime) WHERE status = 'Completed';
CREATE INDEX trips_of_billing ON trips (billing_id) WHERE billing_id IS NOT NULL;

-- A trip that was billed is closed. A correction that comes later is refused, so that it ends in the sink's dead-letter
-- topic for somebody to look at, and does not silently part the trip from the amount that was paid for it.
CREATE FUNCTION refuse_change_of_billed_trip() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'trip % of % was billed (billing %) and can not be changed',
        OLD.trip_info, OLD.rider_email, OLD.billing_id
        USING ERRCODE = 'check_violation', TABLE = 'trips', HINT = 'Credit or charge the difference with a trip of its own.';
END
$$;
CREATE TRIGGER billed_trips_are_closed BEFORE UPDATE ON trips FOR EACH ROW
    WHEN (OLD.status = 'Processed' AND NEW IS DISTINCT FROM OLD)
    EXECUTE FUNCTION refuse_change_of_billed_trip();
