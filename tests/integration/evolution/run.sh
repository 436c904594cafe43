#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A schema evolves twenty times under load, while the two processes that write the table are killed again and again: every
# row is right in the end, and the table has followed.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
needs kafka postgres registry
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
python=${MILLRACE_PYTHON:-python3}
cd "$TMP"
export NO_COLOR=1

name=$(unique evolving)
printf 'id\n' >none.csv
"$MILLRACE" file --path none.csv --topic "$name" --topic-partitions 4 --once >/dev/null 2>&1
sql "CREATE TYPE ${name}_color AS ENUM ('red', 'blue');
     CREATE TABLE $name (id bigint PRIMARY KEY, n int NOT NULL, f real, d numeric(6,2) NOT NULL, color ${name}_color NOT NULL)"
cat >pipeline.json <<JSON
{
  "name": "$name",
  "sinks": {
    "to-postgres": {
      "connector": "postgres", "topics": ["$name"], "connection.url": "\${env:DATABASE_URL}", "table": "$name",
      "key.fields": ["id"], "auto.evolve": "true", "tasks.max": 2, "batch.size": 100,
      "value.format": "avro-confluent", "key.format": "avro-confluent", "schema.registry.url": "\${env:SCHEMA_REGISTRY_URL}"
    }
  }
}
JSON
run_ok "the pipeline is a good one" "$MILLRACE" check pipeline.json
seed=${MILLRACE_SEED:-$RANDOM}
run_ok "twenty versions are written, and writers killed meanwhile (seed $seed)" "$python" "$here/evolve.py" "$name" pipeline.json "$seed"
cat out
run_ok "what is left is read" "$MILLRACE" run pipeline.json --once
sql "SELECT row_to_json(t) FROM $name t ORDER BY id" >rows.jsonl
run_ok "every row is right" "$python" "$here/compare.py" expected.json rows.jsonl
equal "numbers have become wide" "n|bigint f|double precision d|numeric(12,4)" \
    "$(sql "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
            WHERE attrelid = '$name'::regclass AND attname IN ('n', 'f', 'd') ORDER BY attnum" | paste -sd ' ')"
equal "the enum has its new labels, in the schema's order" "red green blue grey" \
    "$(sql "SELECT unnest(enum_range(NULL::${name}_color))" | paste -sd ' ')"
equal "no dead letter" 0 "$(kcat -b "$KAFKA_BOOTSTRAP_SERVERS" -t "$name.to-postgres.dlq" -C -e -q -f 'x' 2>/dev/null | wc -c)"
scenario_end
