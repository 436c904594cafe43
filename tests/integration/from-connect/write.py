# SPDX-License-Identifier: Apache-2.0
"""Writes what Kafka Connect's users have in their topics, independent of millrace (fastavro, the registry's REST interface, kcat).

    write.py plain <topic> <n>      records {id, product, quantity, price}, keys {id}
    write.py events <topic>         change events of Debezium's, keys {id}, a tombstone after the delete
"""
import io
import json
import os
import struct
import subprocess
import sys
import urllib.request

import fastavro

URL = os.environ["SCHEMA_REGISTRY_URL"]
KEY = {"type": "record", "name": "Key", "namespace": "shop.orders", "fields": [{"name": "id", "type": "int"}]}
ROW = [
    {"name": "id", "type": "int"},
    {"name": "product", "type": ["null", "string"], "default": None},
    {"name": "quantity", "type": "int"},
    {"name": "price", "type": "double"},
]
VALUE = {"type": "record", "name": "Value", "namespace": "shop.orders", "fields": ROW}
ENVELOPE = {
    "type": "record",
    "name": "Envelope",
    "namespace": "shop.orders",
    "fields": [
        {"name": "before", "type": ["null", VALUE], "default": None},
        {"name": "after", "type": ["null", "Value"], "default": None},
        {
            "name": "source",
            "type": {
                "type": "record",
                "name": "Source",
                "namespace": "io.debezium.connector.postgresql",
                "fields": [{"name": "db", "type": "string"}, {"name": "table", "type": "string"}, {"name": "lsn", "type": ["null", "long"], "default": None}],
            },
        },
        {"name": "op", "type": "string"},
        {"name": "ts_ms", "type": ["null", "long"], "default": None},
    ],
}


def register(subject, schema):
    request = urllib.request.Request(
        f"{URL}/subjects/{subject}/versions",
        json.dumps({"schema": json.dumps(schema)}).encode(),
        {"Content-Type": "application/vnd.schemaregistry.v1+json"},
        method="POST",
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["id"]


def frame(schema_id, schema, value):
    out = io.BytesIO(struct.pack(">bI", 0, schema_id))
    out.seek(5)
    fastavro.schemaless_writer(out, schema, value)
    return out.getvalue()


def send(topic, messages):
    between, end = b"<-key value->", b"<-end->"
    command = ["kcat", "-b", os.environ["KAFKA_BOOTSTRAP_SERVERS"], "-t", topic, "-P", "-Z", "-K", between.decode(), "-D", end.decode()]
    subprocess.run(command, input=b"".join(k + between + v + end for k, v in messages), check=True)


def row(i, quantity=1):
    return {"id": i, "product": f"product {i}" if i % 3 else None, "quantity": quantity, "price": i + 0.5}


def plain(topic, count):
    key_id, value_id = register(f"{topic}-key", KEY), register(f"{topic}-value", VALUE)
    key, value = fastavro.parse_schema(KEY), fastavro.parse_schema(VALUE)
    send(topic, [(frame(key_id, key, {"id": i}), frame(value_id, value, row(i))) for i in range(1, int(count) + 1)])


def events(topic):
    key_id, value_id = register(f"{topic}-key", KEY), register(f"{topic}-value", ENVELOPE)
    key, value = fastavro.parse_schema(KEY), fastavro.parse_schema(ENVELOPE)
    source = {"db": "shop", "table": "orders", "lsn": 1}

    def event(op, before, after):
        return frame(value_id, value, {"before": before, "after": after, "source": source, "op": op, "ts_ms": 1})

    messages = [(frame(key_id, key, {"id": i}), event("r", None, row(i))) for i in range(1, 5)]
    messages += [
        (frame(key_id, key, {"id": 5}), event("c", None, row(5))),
        (frame(key_id, key, {"id": 2}), event("u", row(2), row(2, quantity=7))),
        (frame(key_id, key, {"id": 3}), event("d", row(3), None)),
        (frame(key_id, key, {"id": 3}), b""),
        (frame(key_id, key, {"id": 4}), event("t", None, None)),
        (frame(key_id, key, {"id": 1}), event("d", row(1), None)),
        (frame(key_id, key, {"id": 1}), event("c", None, row(1, quantity=9))),
    ]
    send(topic, messages)


if __name__ == "__main__":
    {"plain": plain, "events": events}[sys.argv[1]](*sys.argv[2:])
