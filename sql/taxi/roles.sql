-- SPDX-License-Identifier: Apache-2.0
-- Two roles, each with what it needs and no more. Run by the database's owner, after the numbered files; can be run again:
--
--   psql -f sql/taxi/roles.sql "$DATABASE_URL"            (other names: -v sink=... -v billing=...)
--
-- taxi_sink     the pipeline's sink: writes the columns of trips that come from the change stream, and reads them back to
--               leave unchanged rows alone. It sees nobody's bills or payments, no table of riders or drivers, not whether
--               a trip was billed, and can delete nothing.
-- taxi_billing  may call billingandpayments(), which runs with its owner's rights, and touches no table by itself.
--
-- They have no password: give them one (\password taxi_sink) or a line in pg_hba.conf.
\set ON_ERROR_STOP on
\if :{?sink} \else \set sink taxi_sink
\endif
\if :{?billing} \else \set billing taxi_billing
\endif
SELECT format('CREATE ROLE %I LOGIN', role) FROM (VALUES (:'sink'), (:'billing')) AS wanted (role)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) \gexec

SELECT current_database() AS database \gset
\set role :sink
\set schema public
\set table trips
SET client_min_messages = warning;
BEGIN;
\ir ../postgres-sink-role.sql
-- Columns instead of the whole table.
REVOKE SELECT, INSERT, UPDATE ON public.trips FROM :"sink";
SELECT string_agg(quote_ident(attname), ', ') AS columns FROM pg_attribute
WHERE attrelid = 'public.trips'::regclass AND attnum > 0 AND NOT attisdropped
  AND attname NOT IN ('id', 'status', 'billing_id') \gset
GRANT SELECT (:columns), INSERT (:columns), UPDATE (:columns) ON public.trips TO :"sink";
GRANT USAGE ON SEQUENCE public.trips_id_seq TO :"sink";

GRANT CONNECT ON DATABASE :"database" TO :"billing";
GRANT USAGE ON SCHEMA public TO :"billing";
GRANT EXECUTE ON PROCEDURE public.billingandpayments(date) TO :"billing";
COMMIT;
