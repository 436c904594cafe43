# SPDX-License-Identifier: Apache-2.0
"""The other side of the wire, independent of millrace: fastavro and the registry's REST interface.

    check.py write <topic>     registers a schema that refers to another, and sends framed messages with kcat
    check.py mixed <topic>     framed messages of the odd registry's ids, and some that are not framed
    check.py read <file>       JSON lines of values in hex, decoded with the registry's schemas
"""
import decimal
import io
import json
import os
import struct
import subprocess
import sys
import urllib.request

import fastavro

URL = os.environ["SCHEMA_REGISTRY_URL"]


def ask(method, path, body=None):
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(URL + path, data, {"Content-Type": "application/vnd.schemaregistry.v1+json"}, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


ZONE = {"type": "record", "name": "Zone", "namespace": "taxi.places", "fields": [{"name": "id", "type": "int"}, {"name": "name", "type": "string"}]}
TRIP = {
    "type": "record",
    "name": "Trip",
    "namespace": "taxi",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "from", "type": "taxi.places.Zone"},
        {"name": "to", "type": ["null", "taxi.places.Zone"], "default": None},
        {"name": "fare", "type": {"type": "bytes", "logicalType": "decimal", "precision": 8, "scale": 2}},
    ],
}


def frame(schema_id, schema, value):
    out = io.BytesIO()
    out.write(struct.pack(">bI", 0, schema_id))
    fastavro.schemaless_writer(out, schema, value)
    return out.getvalue()


def send(topic, key, value):
    """One message; an empty value is a tombstone."""
    between, end = b"<-key value->", b"<-end->"
    command = ["kcat", "-b", os.environ["KAFKA_BOOTSTRAP_SERVERS"], "-t", topic, "-P", "-Z", "-K", between.decode(), "-D", end.decode()]
    subprocess.run(command, input=key + between + value + end, check=True)


def write(topic):
    zone = f"{topic}-zone"
    ask("POST", f"/subjects/{zone}/versions", {"schema": json.dumps(ZONE)})
    trip_id = ask(
        "POST",
        f"/subjects/{topic}-value/versions",
        {"schema": json.dumps(TRIP), "references": [{"name": "taxi.places.Zone", "subject": zone, "version": 1}]},
    )["id"]
    key_id = ask("POST", f"/subjects/{topic}-key/versions", {"schema": json.dumps("long")})["id"]
    named = {}
    fastavro.parse_schema(ZONE, named_schemas=named)
    trip = fastavro.parse_schema(TRIP, named_schemas=named)
    for i in range(1, 4):
        value = {
            "id": i,
            "from": {"id": 10 + i, "name": f"zone {i}"},
            "to": {"id": 99, "name": "JFK"} if i % 2 else None,
            "fare": decimal.Decimal(i) + decimal.Decimal("0.25"),
        }
        send(topic, frame(key_id, "long", i), frame(trip_id, trip, value))
    send(topic, frame(key_id, "long", 3), b"")
    send(topic, frame(key_id, "long", 4), frame(7_000_000, "long", 4))
    send(topic, frame(key_id, "long", 5), b'{"id": 5}')


def mixed(topic):
    """Records of the odd registry's ids, some of no use, between good ones."""
    for key, value in enumerate([frame(1, "int", 1), frame(2, "int", 2), frame(3, "int", 3), frame(4, "int", 4),
                                 b"\x01\x00\x00\x00\x01hello", b"\x00\x00\x00", frame(1, "int", 2)]):
        send(topic, str(key).encode(), value)


def read(path):
    for line in open(path, encoding="utf-8"):
        data = bytes.fromhex(line.strip())
        magic, schema_id = struct.unpack(">bI", data[:5])
        assert magic == 0, magic
        schema = json.loads(ask("GET", f"/schemas/ids/{schema_id}")["schema"])
        stream = io.BytesIO(data[5:])
        value = fastavro.schemaless_reader(stream, schema)
        assert not stream.read(), "bytes are left over"
        print(json.dumps(value))


if __name__ == "__main__":
    {"write": write, "mixed": mixed, "read": read}[sys.argv[1]](*sys.argv[2:])
