# SPDX-License-Identifier: Apache-2.0
"""Writes an Avro container file: write_avro.py <codec> <count> <records per block> [schema to be named] > file.avro"""
import json
import subprocess
import sys
import zlib

SCHEMA = {
    "type": "record",
    "name": "Trip",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "name", "type": ["null", "string"]},
        {"name": "tags", "type": {"type": "array", "items": "int"}},
    ],
}
MARKER = b"\x07a sync marker\xff\x00"


def number(value):
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def text(value):
    return number(len(value)) + value


def record(i):
    return number(i) + number(1) + text(b"name of %d" % i) + number(2) + number(1) + number(2) + number(0)


def packed(codec, data):
    if codec == "deflate":
        return zlib.compress(data, 6)[2:-4]
    if codec == "zstandard":
        return subprocess.run(["zstd", "-qc"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


def main():
    codec, count, each = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    schema = sys.argv[4] if len(sys.argv) > 4 else json.dumps(SCHEMA)
    out = sys.stdout.buffer
    assert len(MARKER) == 16
    out.write(b"Obj\x01" + number(2) + text(b"avro.schema") + text(schema.encode()))
    out.write(text(b"avro.codec") + text(codec.encode()) + number(0) + MARKER)
    for first in range(1, count + 1, each):
        ids = range(first, min(first + each, count + 1))
        data = packed(codec, b"".join(record(i) for i in ids))
        out.write(number(len(ids)) + text(data) + MARKER)


main()
