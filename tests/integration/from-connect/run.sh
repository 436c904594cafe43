#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Configurations of Kafka Connect's JDBC sinks are converted, and run: the sample that comes with Confluent's, one as
# Debezium's manual shows, and one with everything in it that has no equal.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
needs kafka postgres registry
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
python=${MILLRACE_PYTHON:-python3}
cd "$TMP"
export NO_COLOR=1

make_topic() {
    printf 'id\n' >none.csv
    "$MILLRACE" file --path none.csv --topic "$1" --topic-partitions 1 --once >/dev/null 2>&1
}
became() { jq -r --arg option "$1" '.options[] | select(.option == $option) | .became' report.json; }

# --- Confluent's quickstart: a properties file, tables called like topics, the worker's converters
topic=$(unique orders)
make_topic "$topic"
"$python" "$here/write.py" plain "$topic" 6
cat >quickstart.properties <<PROPERTIES
# A simple example
name=test-sink-$topic
connector.class=io.confluent.connect.jdbc.JdbcSinkConnector
tasks.max=1
topics = $topic

connection.url=jdbc:sqlite:test.db
auto.create=true
#quote.sql.identifiers=always
PROPERTIES
run_ok "the quickstart is converted" "$MILLRACE" init --from-connect quickstart.properties --out quickstart
contains "it says what has no equal" "$(cat out)" "jdbc:sqlite is not PostgreSQL: set DATABASE_URL"
run_ok "the pipeline is a good one" "$MILLRACE" check quickstart/pipeline.json
run_ok "and runs" "$MILLRACE" run quickstart/pipeline.json --once
equal "all rows arrive" "1 2 3 4 5 6" "$(sql "SELECT id FROM \"$topic\" ORDER BY id" | paste -sd ' ')"
equal "with all columns" "product 4|1|4.5" "$(sql "SELECT product, quantity, price FROM \"$topic\" WHERE id = 4")"
run_fails "nothing is overwritten" 1 "pipeline.json exists; --force replaces it" "$MILLRACE" init --from-connect quickstart.properties --out quickstart

# --- Debezium's, as its manual has it: REST form, upsert and delete by the record's key, change events as they come
topic=$(unique events)
make_topic "$topic"
"$python" "$here/write.py" events "$topic"
cat >debezium.json <<JSON
{
  "name": "jdbc-$topic",
  "config": {
    "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
    "tasks.max": "1",
    "connection.url": "jdbc:postgresql://127.0.0.1/db",
    "connection.username": "pguser",
    "connection.password": "s3cr3t-word",
    "insert.mode": "upsert",
    "delete.enabled": "true",
    "primary.key.mode": "record_key",
    "primary.key.fields": "id",
    "schema.evolution": "basic",
    "use.time.zone": "UTC",
    "key.converter": "io.confluent.connect.avro.AvroConverter",
    "key.converter.schema.registry.url": "$SCHEMA_REGISTRY_URL",
    "value.converter": "io.confluent.connect.avro.AvroConverter",
    "value.converter.schema.registry.url": "$SCHEMA_REGISTRY_URL",
    "topics": "$topic"
  }
}
JSON
run_ok "Debezium's sample is converted" "$MILLRACE" init --from-connect debezium.json --out debezium
equal "the password is not copied" "" "$(grep -r s3cr3t-word debezium out || true)"
contains "it says how to give it" "$(cat out)" "PGPASSWORD"
equal "the URL is libpq's" "postgresql://pguser@127.0.0.1/db" "$(jq -r '.sinks.postgres["connection.url"]' debezium/pipeline.json)"
jq '.sinks.postgres["connection.url"] = "${env:DATABASE_URL}"' debezium/pipeline.json >debezium/here.json
run_ok "the pipeline is a good one" "$MILLRACE" check debezium/here.json
run_ok "and runs" "$MILLRACE" run debezium/here.json --once
equal "events became rows: read, changed, deleted, deleted and there again" "1|9 2|7 4|1 5|1" \
    "$(sql "SELECT id, quantity FROM \"$topic\" ORDER BY id" | paste -sd ' ')"
contains "a truncate is not carried out in silence" "$(cat out)" "op is t; carried out are c, r, u and d"

# --- Everything at once
cat >much.json <<'JSON'
{
  "name": "much",
  "connector.class": "io.confluent.connect.jdbc.JdbcSinkConnector",
  "topics.regex": "shop\\..*",
  "connection.url": "jdbc:postgresql://db1:5433,db2/shop?ssl=true&currentSchema=sales&reWriteBatchedInserts=true&defaultRowFetchSize=5",
  "connection.user": "${file:/secrets:user}",
  "connection.attempts": 5,
  "insert.mode": "upsert",
  "batch.size": 500,
  "pk.mode": "kafka",
  "fields.whitelist": "a,b \"quoted\"",
  "table.name.format": "shop.${topic}_copy",
  "value.converter": "org.apache.kafka.connect.json.JsonConverter",
  "value.converter.schemas.enable": "false",
  "transforms": "route",
  "transforms.route.type": "org.apache.kafka.connect.transforms.RegexRouter",
  "errors.tolerance": "all",
  "errors.deadletterqueue.topic.name": "dead",
  "consumer.override.fetch.min.bytes": "1000",
  "consumer.override.auto.offset.reset": "latest",
  "no.such.option": "1"
}
JSON
"$MILLRACE" init --from-connect much.json --json >report.json
sink() { jq -c ".pipeline.sinks.postgres[\"$1\"]" report.json; }
equal "a pattern of topics" '["^shop\\..*$"]' "$(sink topics)"
# shellcheck disable=SC2016 # a variable of the pipeline
equal "hosts, TLS, schema" '"postgresql://${env:PGUSER}@db1:5433,db2/shop?sslmode=verify-full&options=-csearch_path%3Dsales"' "$(sink connection.url)"
equal "a table for each topic" 'moved "shop.{topic}_copy"' "$(became table.name.format) $(sink table)"
equal "keys of Kafka's coordinates, and the fields" \
    '"SELECT _topic AS __connect_topic, _partition AS __connect_partition, _offset AS __connect_offset, \"a\", \"b \"\"quoted\"\"\" FROM record"' "$(sink query)"
equal "JSON without a schema needs a file with one" '"json" "value.avsc"' "$(sink value.format) $(sink value.schema)"
contains "and it says so" "$(jq -r '.options[] | select(.option == "value.converter") | .text // .note // tostring' report.json)" "which is yours to write"
equal "numbers are numbers" 500 "$(sink batch.size)"
equal "where to start" '"latest"' "$(sink starting.position)"
equal "the dead letters" '"dead"' "$(sink on.failure.topic)"
equal "a property of the consumer" '"1000"' "$(jq -c '.pipeline.kafka["fetch.min.bytes"]' report.json)"
equal "what is not needed" "not needed" "$(became connection.attempts)"
for option in transforms.route.type no.such.option "connection.url: defaultRowFetchSize"; do
    equal "$option has no equal" "NO EQUAL" "$(became "$option")"
done
equal "no option is left out" "" "$(comm -13 <(jq -r '.options[].option' report.json | sort -u) <(jq -r 'keys[]' much.json | sort))"

# --- JSON with its schema: the converter's default
jq 'del(.["value.converter.schemas.enable"]) + {"key.converter": .["value.converter"]}' much.json >json.json
"$MILLRACE" init --from-connect json.json --json >report.json
equal "JSON with its schema" '"json-connect" "json-connect" null' "$(sink value.format) $(sink key.format) $(sink value.schema)"
topic=$(unique json)
make_topic "$topic"
echo '{"schema":{"type":"struct","fields":[{"type":"int32","optional":false,"field":"id"}],"optional":false},"payload":{"id":7}}' |
    kcat -b "$KAFKA_BOOTSTRAP_SERVERS" -t "$topic" -P
cat >json.properties <<PROPERTIES
name=json-$topic
connector.class=io.confluent.connect.jdbc.JdbcSinkConnector
topics=$topic
connection.url=jdbc:sqlite:test.db
auto.create=true
value.converter=org.apache.kafka.connect.json.JsonConverter
PROPERTIES
run_ok "such a configuration is converted" "$MILLRACE" init --from-connect json.properties --out json
run_ok "and runs" "$MILLRACE" run json/pipeline.json --once
equal "the row arrives" 7 "$(sql "SELECT id FROM \"$topic\"")"
# --- Tables of Debezium's, with _ for the dots of topics; run with two of them
shop=$(unique shop)
for table in a b; do
    make_topic "$shop.$table"
    "$python" "$here/write.py" plain "$shop.$table" 2
done
jq --arg topics "$shop.a, $shop.b" '.config | .topics = $topics | ."collection.name.format" = "copy_${topic}"' debezium.json >tables.json
"$MILLRACE" init --from-connect tables.json --json >report.json
equal "_ for dots" 'moved "copy_{topic:underscored}"' "$(became collection.name.format) $(sink table)"
jq '.pipeline | .sinks.postgres["connection.url"] = "${env:DATABASE_URL}"' report.json >tables_here.json
run_ok "it runs" "$MILLRACE" run tables_here.json --once
equal "into two tables" "1 2|1 2" "$(for t in a b; do sql "SELECT id FROM copy_${shop}_$t ORDER BY 1" | paste -sd ' '; done | paste -sd '|')"
jq '.config | ."collection.name.format" = "${topic}_${source.db}"' debezium.json >tables.json
"$MILLRACE" init --from-connect tables.json --json >report.json
equal "other placeholders" "NO EQUAL null" "$(became collection.name.format) $(sink table)"

# --- Not what it takes
echo '{"connector.class": "io.confluent.connect.s3.S3SinkConnector"}' >s3.json
run_fails "another connector" 2 "what can be converted: io.confluent.connect.jdbc.JdbcSinkConnector" "$MILLRACE" init --from-connect s3.json
printf '{\n  "name": "x",\n  oops\n}' >bad.json
run_fails "no JSON" 2 "bad.json:3:" "$MILLRACE" init --from-connect bad.json
run_fails "no connector" 2 "there is no connector.class" "$MILLRACE" init --from-connect none.csv
run_fails "no file" 2 "No such file" "$MILLRACE" init --from-connect nowhere.json
scenario_end
