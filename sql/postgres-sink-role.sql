-- SPDX-License-Identifier: Apache-2.0
-- The least a role needs to be the postgres sink's. Run by the database's owner:
--
--   psql -v role=millrace_sink -v database=analytics -v schema=public -v table=trips \
--        -f sql/postgres-sink-role.sql "$DATABASE_URL"
--
-- once for each target table. With auto.create the role needs CREATE on the table's schema instead of the
-- grants on the table.
GRANT CONNECT, TEMPORARY ON DATABASE :"database" TO :"role";

-- Kafka offsets and claims (offsets.schema, default millrace).
CREATE SCHEMA IF NOT EXISTS millrace;
CREATE TABLE IF NOT EXISTS millrace.offsets (
    connector text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint,
    claim text NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz,
    PRIMARY KEY (connector, topic, partition)
) WITH (fillfactor = 50);
GRANT USAGE ON SCHEMA millrace TO :"role";
GRANT SELECT, INSERT, UPDATE ON millrace.offsets TO :"role";

-- The target. SELECT and UPDATE are for upserts only.
GRANT USAGE ON SCHEMA :"schema" TO :"role";
GRANT SELECT, INSERT, UPDATE ON :"schema".:"table" TO :"role";
