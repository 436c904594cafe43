#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The mongodb source against a real mongod and Kafka: every kind of change in every view, replays, formats, schemas that grow or
# are given, images that are missing, collections that come and go, positions that are lost.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"
needs kafka mongod
check=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/check.py
python=${MILLRACE_PYTHON:-python3}

for view in KEYS_ONLY NEW_IMAGE OLD_IMAGE NEW_AND_OLD_IMAGES; do
    run_ok "$view: each kind of change is told as DynamoDB tells it" "$python" "$check" view "$view"
done
run_ok "a replay gives the same records" "$python" "$check" replay
run_ok "kill -9 within a transaction loses and doubles nothing" "$python" "$check" killed
run_ok "dynamodb-json is as AWS writes it" "$python" "$check" dynamodb_json
run_ok "documents and tombstones" "$python" "$check" documents
run_ok "an inferred schema grows and never stops" "$python" "$check" evolving
run_ok "a given schema rejects what violates it, alone" "$python" "$check" given_schema
run_ok "key.fields: changed, missing, of several" "$python" "$check" key_fields
run_ok "images that are not stored are looked up and marked" "$python" "$check" looked_up
run_ok "an event of more than 16 MiB goes without its images, alone" "$python" "$check" too_large
run_ok "images are switched on" "$python" "$check" switched_on
run_ok "drop, rename and dropDatabase" "$python" "$check" come_and_go
run_ok "a missing collection is made" "$python" "$check" created
run_ok "a whole database, and some of its collections" "$python" "$check" whole_database
run_ok "a whole deployment" "$python" "$check" deployment
run_ok "a quiet collection's position moves" "$python" "$check" quiet
run_ok "a position that is lost is not passed over in silence" "$python" "$check" lost
for format in avro documents; do
    run_ok "$format: what was deleted while the position was lost is told" "$python" "$check" deleted_unseen "$format"
done
run_ok "also when it is killed meanwhile" "$python" "$check" deleted_unseen avro 4
scenario_end
