# SPDX-License-Identifier: Apache-2.0
"""Load and kills: evolve.py <topic and table> <pipeline> <seed>; writes expected.json.

Twenty versions of one schema, registered one after the other. Records of each are upserts and tombstones of 400 keys; an
older writer goes on beside them with keys of its own, since what a record does not know, it leaves as it is. Two sink
processes of two tasks each read; after every third version, with --full after each, one of them is killed as soon as they
have got somewhere. A kill costs seconds: the group waits for the dead member's session to end.
"""
import decimal
import io
import json
import os
import random
import struct
import subprocess
import sys
import time
import urllib.request

import fastavro

VERSIONS, RECORDS, KEYS, OLD_KEYS = 20, 240, 400, 1000
PATIENCE_S = 90
KILL_EVERY = 1 if os.environ.get("MILLRACE_FULL", "0") != "0" else 3
name, pipeline, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
rng = random.Random(seed)


def register(subject, schema):
    request = urllib.request.Request(
        f"{os.environ['SCHEMA_REGISTRY_URL']}/subjects/{subject}/versions",
        json.dumps({"schema": json.dumps(schema)}).encode(),
        {"Content-Type": "application/vnd.schemaregistry.v1+json"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["id"]


def decimal_of(precision, scale):
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}


def schema_of(version):
    """What each version has on top of the one before."""
    wide = version >= 9
    symbols = ["red", "green", "blue", "grey"] if version >= 14 else ["red", "green", "blue"] if version >= 4 else ["red", "blue"]
    fields = [
        {"name": "id", "type": "long"},
        {"name": "n", "type": "long" if version >= 3 else "int"},
        {"name": "f", "type": "double" if version >= 6 else "float"},
        {"name": "d", "type": ["null", decimal_of(12, 4)] if version >= 12 else decimal_of(12, 4) if wide else decimal_of(6, 2)},
        {"name": "color", "type": {"type": "enum", "name": "Color", "symbols": symbols}},
    ]
    for number in range(1, version + 1):
        if number in (3, 4, 6, 9, 12, 14):
            continue
        kind = number % 3
        if kind == 0:
            fields.append({"name": f"c{number}", "type": ["null", "string"], "default": None})
        elif kind == 1:
            fields.append({"name": f"c{number}", "type": "int", "default": number})
        else:
            fields.append({"name": f"c{number}", "type": "string", "default": f"it's {number}"})
    return {"type": "record", "name": "Row", "fields": fields}


def value_of(schema, key, version):
    row = {}
    for field in schema["fields"]:
        kind, field_name = field["type"], field["name"]
        if field_name == "id":
            row["id"] = key
        elif field_name == "n":
            row["n"] = rng.randrange(1 << 40) if kind == "long" else rng.randrange(1 << 30)
        elif field_name == "f":
            row["f"] = rng.randrange(1 << 20) / 8 + (0.1 if kind == "double" else 0)
        elif field_name == "d":
            scale = 4 if version >= 9 else 2
            row["d"] = None if version >= 12 and rng.random() < 0.3 else decimal.Decimal(rng.randrange(900000)).scaleb(-scale)
        elif field_name == "color":
            row["color"] = rng.choice(kind["symbols"])
        elif kind == "int":
            row[field_name] = rng.randrange(1 << 30)
        else:
            row[field_name] = None if isinstance(kind, list) and rng.random() < 0.3 else f"text {rng.random()}"
    return row


def frame(schema_id, schema, value):
    out = io.BytesIO()
    out.write(struct.pack(">bI", 0, schema_id))
    fastavro.schemaless_writer(out, schema, value)
    return out.getvalue()


def send(messages):
    between, end = b"<-key value->", b"<-end->"
    command = ["kcat", "-b", os.environ["KAFKA_BOOTSTRAP_SERVERS"], "-t", name, "-P", "-Z", "-K", between.decode(), "-D", end.decode()]
    subprocess.run(command, input=end.join(key + between + value for key, value in messages), check=True)


def committed():
    query = f"SELECT coalesce(sum(next_offset), 0) FROM millrace.offsets WHERE connector = '{name}.to-postgres'"
    done = subprocess.run(["psql", "-XAtq", os.environ["DATABASE_URL"], "-c", query], capture_output=True, text=True)
    return int(done.stdout) if done.returncode == 0 else 0


def start():
    with open("log", "ab") as log:
        return subprocess.Popen([os.environ["MILLRACE"], "run", pipeline], stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def wait_until(target, processes):
    until = time.monotonic() + PATIENCE_S
    while committed() < target:
        if time.monotonic() > until:
            sys.exit(f"no progress: {committed()} of {target} records are committed; see log:\n" + open("log").read()[-3000:])
        for i, process in enumerate(processes):
            if process.poll() is not None:
                sys.exit(f"a sink has ended by itself with {process.returncode}:\n" + open("log").read()[-3000:])



def main():
    key_id = register(f"{name}-key", "long")
    processes, rows, sent, kills = [start(), start()], {}, 0, 0
    first = schema_of(0)
    first_id = register(f"{name}-value", first)
    for version in range(VERSIONS + 1):
        schema = schema_of(version)
        schema_id = register(f"{name}-value", schema)
        messages = []
        for _ in range(RECORDS):
            old = rng.random() < 0.1
            key = rng.randrange(OLD_KEYS, OLD_KEYS + 50) if old else rng.randrange(KEYS)
            if not old and rng.random() < 0.08:
                rows.pop(key, None)
                messages.append((frame(key_id, "long", key), b""))
                continue
            row = value_of(first if old else schema, key, 0 if old else version)
            rows[key] = {**rows.get(key, {}), **row}
            messages.append((frame(key_id, "long", key), frame(first_id if old else schema_id, first if old else schema, row)))
        send(messages)
        before, sent = sent, sent + len(messages)
        if version % KILL_EVERY == KILL_EVERY - 1:
            wait_until(before + rng.randrange(len(messages)), processes)
            victim = rng.randrange(2)
            processes[victim].kill()
            processes[victim].wait()
            processes[victim] = start()
            kills += 1
    wait_until(sent - RECORDS // 2, processes)
    for process in processes:
        process.kill()
        process.wait()
    final = schema_of(VERSIONS)
    for row in rows.values():
        for field in final["fields"]:
            row.setdefault(field["name"], field.get("default"))
    with open("expected.json", "w", encoding="utf-8") as out:
        json.dump(sorted(rows.values(), key=lambda row: row["id"]), out, default=str)
    print(f"{sent} records in {VERSIONS + 1} versions, {kills + 2} processes killed, {len(rows)} rows left")


main()
