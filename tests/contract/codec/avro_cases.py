#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random Avro schemas and data, with what fastavro makes of them, for test_avro_peers.c.

usage: avro_cases.py SEED COUNT > cases.jsonl

Each line is one case: the writer's schema, data that fastavro wrote with it, the values fastavro
reads back, its canonical form and fingerprint; and a reader's schema derived from the writer's by
changes that resolution must cope with (or, when "compatible" is false, one that it must refuse),
with the values fastavro resolves the same data to, or its error.

Logical types are removed for fastavro, so that it hands out plain values on both sides.
"""
import copy
import io
import json
import random
import struct
import sys

import fastavro
import fastavro.schema

PRIMITIVES = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]
# Not to float: Python has none, so fastavro hands out a double that no float could be.
PROMOTIONS = {"int": ["long", "double"], "long": ["double"], "float": ["double"],
              "string": ["bytes"], "bytes": ["string"]}
LOGICAL = {"int": ["date", "time-millis", "bogus"], "string": ["uuid", "date"], "bytes": ["decimal"],
           "long": ["timestamp-millis", "timestamp-micros", "time-micros", "timestamp-nanos"]}


class Generator:
    def __init__(self, seed):
        self.rnd = random.Random(seed)
        self.names = 0
        self.known = []  # full names of types that are complete
        self.types = {}  # full name -> definition

    def name(self, prefix):
        self.names += 1
        return f"{prefix}{self.names}"

    # --- Schemas

    def schema(self, depth, union=True):
        r = self.rnd.random()
        if depth <= 0 or r < 0.35:
            return self.primitive()
        if r < 0.5:
            return self.record(depth)
        if r < 0.6:
            return {"type": "array", "items": self.schema(depth - 1)}
        if r < 0.68:
            return {"type": "map", "values": self.schema(depth - 1)}
        if r < 0.75:
            return self.enum()
        if r < 0.8:
            return self.fixed()
        if r < 0.86 and self.known:
            return self.rnd.choice(self.known)
        return self.union(depth) if union else self.primitive()

    def primitive(self):
        name = self.rnd.choice(PRIMITIVES)
        if name in LOGICAL and self.rnd.random() < 0.3:
            logical = self.rnd.choice(LOGICAL[name])
            schema = {"type": name, "logicalType": logical}
            if logical == "decimal":
                schema.update(precision=9, scale=2)
            return schema
        return name if self.rnd.random() < 0.7 else {"type": name}

    def complete(self, schema):
        full = schema["name"]
        if "namespace" in schema:
            full = schema["namespace"] + "." + full
        self.types[full] = schema
        self.known.append(full)
        return schema

    def named(self, kind, prefix):
        schema = {"type": kind, "name": self.name(prefix), "namespace": "t." + self.rnd.choice("ab")}
        if self.rnd.random() < 0.2:
            schema["doc"] = 'said "ü"\n'
        return schema

    def enum(self):
        schema = self.named("enum", "E")
        schema["symbols"] = [f"S{i}" for i in range(self.rnd.randint(1, 70 if self.rnd.random() < 0.1 else 5))]
        return self.complete(schema)

    def fixed(self):
        schema = self.named("fixed", "F")
        schema["size"] = self.rnd.choice([1, 4, 12, 16])
        return self.complete(schema)

    def record(self, depth):
        schema = self.named("record", "R")
        schema["fields"] = []
        for i in range(self.rnd.choice([1, 2, 3, 3, 4, 6, 12])):
            schema["fields"].append({"name": f"f{i}", "type": self.schema(depth - 1)})
        if self.rnd.random() < 0.2:
            own = schema["namespace"] + "." + schema["name"]
            schema["fields"].append({"name": "again", "type": ["null", own]})
        return self.complete(schema)

    def union(self, depth):
        branches, seen = [], set()
        if self.rnd.random() < 0.6:
            branches.append("null")
            seen.add("null")
        for _ in range(self.rnd.choice([1, 1, 1, 2, 4])):
            branch = self.schema(depth - 1, union=False)
            key = self.key(branch)
            if key not in seen:
                seen.add(key)
                branches.append(branch)
        if self.rnd.random() < 0.2:
            self.rnd.shuffle(branches)
        # A definition must stay before its references.
        return branches if self.ordered(branches) else sorted(branches, key=lambda b: isinstance(b, str))

    @staticmethod
    def key(branch):
        if isinstance(branch, str):
            return branch
        if branch["type"] in ("record", "enum", "fixed"):
            return branch["namespace"] + "." + branch["name"]
        return branch["type"]

    @staticmethod
    def ordered(branches):
        return not any("." in b for b in branches if isinstance(b, str))

    # --- Values

    def value(self, schema, depth=0):
        if isinstance(schema, list):
            if depth > 6 and "null" in schema:
                return None
            return self.value(self.rnd.choice(schema), depth + 1)
        kind = schema if isinstance(schema, str) else schema["type"]
        if kind in self.types:
            return self.value(self.types[kind], depth + 1)
        return self.plain(kind, schema, depth)

    def plain(self, kind, schema, depth):
        rnd = self.rnd
        if kind == "null":
            return None
        if kind == "boolean":
            return rnd.random() < 0.5
        if kind in ("int", "long"):
            bits = rnd.randint(0, 31 if kind == "int" else 63)
            return rnd.randint(-(1 << bits), (1 << bits) - 1)
        if kind == "float":
            return struct.unpack("<f", struct.pack("<f", rnd.choice([0.0, -0.0, 1.5, rnd.gauss(0, 1e9)])))[0]
        if kind == "double":
            return rnd.choice([0.0, float("inf"), rnd.gauss(0, 1), rnd.gauss(0, 1e200)])
        if kind == "bytes":
            return rnd.randbytes(rnd.choice([0, 1, 5, 70])) if rnd.random() < 0.5 else b"ascii"
        if kind == "string":
            return rnd.choice(["", "a", "z\u00fc\U0001f600", "x" * rnd.randint(0, 300)])
        if kind == "fixed":
            return rnd.randbytes(schema["size"])
        if kind == "enum":
            return rnd.choice(schema["symbols"])
        count = 0 if depth > 6 else rnd.choice([0, 1, 2, 2, 3, 70 if depth < 3 else 1])
        if kind == "array":
            return [self.value(schema["items"], depth + 1) for _ in range(count)]
        if kind == "map":
            return {f"k{i}": self.value(schema["values"], depth + 1) for i in range(count)}
        return {f["name"]: self.value(f["type"], depth + 1) for f in schema["fields"]}

    # --- Readers

    def default(self):
        """A type that is nowhere else, and a default for it. (fastavro leaves defaults of bytes as text.)"""
        name = self.name("D")
        return self.rnd.choice([
            ("null", None), ("boolean", True), ("int", -7), ("long", 1 << 40), ("double", 2.5), ("float", 0.5),
            ("string", "d\u00fc"), (["null", "string"], None), (["string", "null"], "x"),
            ({"type": "array", "items": "int"}, [1, 2]), ({"type": "map", "values": "string"}, {"k": "v"}),
            ({"type": "enum", "name": name, "symbols": ["A", "B"]}, "B"),
            ({"type": "record", "name": name, "fields": [{"name": "x", "type": "int"},
                                                        {"name": "y", "type": ["null", "int"]}]}, {"x": 3, "y": None}),
        ])

    def change(self, schema, inside_union=False):
        """A reader's schema for a writer's. Definitions stay where they are, so references hold."""
        rnd = self.rnd
        if isinstance(schema, list):
            return [self.change(b, True) for b in schema]
        kind = schema if isinstance(schema, str) else schema["type"]
        if kind in PROMOTIONS and rnd.random() < 0.3 and not inside_union:
            # Bytes that are no UTF-8 are no string: fastavro fails where we leave that to the target.
            to = rnd.choice(PROMOTIONS[kind])
            return to if kind != "bytes" else schema
        if isinstance(schema, str):
            return schema if inside_union or rnd.random() > 0.15 or schema == "null" else ["null", schema]
        if kind == "record":
            self.change_record(schema)
        elif kind == "enum" and rnd.random() < 0.4:
            schema["symbols"] = schema["symbols"][::-1] + ["EXTRA"]
            if rnd.random() < 0.5:
                schema["symbols"] = schema["symbols"][len(schema["symbols"]) // 2:]
                if rnd.random() < 0.7:
                    schema["default"] = "EXTRA"
        elif kind == "array":
            schema["items"] = self.change(schema["items"])
        elif kind == "map":
            schema["values"] = self.change(schema["values"])
        if kind not in ("record", "enum", "fixed") and not inside_union and rnd.random() < 0.15 and kind != "null":
            return [schema, "null"]
        return schema

    def change_record(self, schema):
        rnd, fields = self.rnd, schema["fields"]
        kept = []
        for field in fields:
            field["type"] = self.change(field["type"])
            if rnd.random() < 0.15 and not has_definition(field["type"]):
                continue  # dropped
            if rnd.random() < 0.15:
                field["aliases"] = ["other", field["name"]]
                field["name"] = "renamed_" + field["name"]
            kept.append(field)
        for _ in range(rnd.choice([0, 0, 1, 2])):
            kind, value = self.default()
            kept.insert(rnd.randint(0, len(kept)), {"name": self.name("added"), "type": kind, "default": value})
        if rnd.random() < 0.3 and not any(has_definition(f["type"]) or has_reference(f["type"]) for f in kept):
            rnd.shuffle(kept)
        schema["fields"] = kept


def has_definition(schema):
    text = json.dumps(schema)
    return any(f'"type": "{kind}"' in text for kind in ("record", "enum", "fixed"))


def has_reference(schema):
    return '"t.' in json.dumps(schema)


def ambiguous(schema):
    """Has it a union of which several branches could take one writer's value? fastavro takes the first of them;
    we, as Avro's Java does, the one of the same type."""
    if isinstance(schema, list):
        kinds = {s if isinstance(s, str) else s["type"] for s in schema}
        if len(kinds & {"int", "long", "float", "double"}) > 1 or len(kinds & {"string", "bytes"}) > 1:
            return True
        return any(ambiguous(s) for s in schema)
    if isinstance(schema, dict):
        return (any(ambiguous(schema[k]) for k in ("type", "items", "values") if k in schema) or
                any(ambiguous(f) for f in schema.get("fields", [])))
    return False


def plain_schema(schema):
    """Without logical types."""
    if isinstance(schema, list):
        return [plain_schema(s) for s in schema]
    if isinstance(schema, dict):
        return {k: plain_schema(v) if k in ("type", "items", "values", "fields") else v
                for k, v in schema.items() if k not in ("logicalType", "precision", "scale")}
    return schema


def shown(value):
    """As test_avro_peers.c shows cells: numbers by their bits, text and bytes told apart."""
    if isinstance(value, float):
        return "d:" + struct.pack(">d", value).hex()
    if isinstance(value, str):
        return "s:" + value
    if isinstance(value, bytes):
        return "b:" + value.hex()
    if isinstance(value, list):
        return [shown(v) for v in value]
    if isinstance(value, dict):
        return {k: shown(v) for k, v in value.items()}
    return value


def read(data, writer, reader=None):
    try:
        return {"value": shown(fastavro.schemaless_reader(io.BytesIO(data), writer, reader))}
    except Exception as problem:  # fastavro raises many kinds
        return {"error": f"{type(problem).__name__}: {problem}"[:200]}


def case(seed):
    g = Generator(seed)
    writer = g.record(g.rnd.choice([1, 2, 3]))
    plain = plain_schema(copy.deepcopy(writer))
    parsed = fastavro.parse_schema(copy.deepcopy(plain))
    data = []
    for _ in range(4):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, parsed, g.value(writer))
        data.append(out.getvalue())
    reader = g.change(copy.deepcopy(writer))
    compatible = g.rnd.random() > 0.05
    if not compatible:
        reader["fields"].append({"name": "missing", "type": "int"})  # and no default
    parsed_reader = fastavro.parse_schema(plain_schema(copy.deepcopy(reader)))
    canonical = fastavro.schema.to_parsing_canonical_form(copy.deepcopy(plain))
    return {
        "seed": seed, "writer": json.dumps(writer), "reader": json.dumps(reader), "compatible": compatible,
        "ambiguous": any(ambiguous(f) for f in reader["fields"]),
        "canonical": canonical, "fingerprint": fastavro.schema.fingerprint(canonical, "CRC-64-AVRO"),
        "data": [d.hex() for d in data],
        "same": [read(d, parsed) for d in data],
        "resolved": [read(d, parsed, parsed_reader) for d in data],
    }


def main():
    first, count = int(sys.argv[1]), int(sys.argv[2])
    for seed in range(first, first + count):
        print(json.dumps(case(seed)))


main()
