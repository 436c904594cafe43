#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Documents that MongoDB takes and that are hard to carry: written, and compared with what has become of them.

    odd.py write <database>      into its collection "source"
    odd.py compare <database>    "source" with "target", byte for byte; prints how many there are
"""
import os
import sys

import bson
import pymongo
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument


def deep(levels):
    value = {"end": 1}
    for i in range(levels):
        value = {"d": value} if i % 2 else [value]
    return value


def raw(name, kind, value):
    """A document with an _id and one element of raw bytes, which no client library would write."""
    body = b"\x10_id\x00" + name.to_bytes(4, "little") + kind + b"odd\x00" + value + b"\x00"
    return RawBSONDocument((len(body) + 4).to_bytes(4, "little") + body)


def documents():
    yield {"_id": "dots", "a.b": 1, "a": {"b": 2}, ".": 3, "..": {"x.": 4}}
    yield {"_id": "dollars", "$set": {"x": 1}, "$": 2, "a": {"$inc": 1}, "$$ROOT": 3}
    yield {"_id": "names", "": 1, " ": 2, "0": 3, "ünï": 4, "a b": 5, "a-b": 6, "a_b": 7, "A_B": 8, "_op": 9}
    yield {"_id": "deep", "nested": deep(95)}
    for i, value in enumerate([1, bson.Int64(1 << 40), 1.5, "text", True, None, [1, "a"], {"x": 1}, bson.ObjectId(),
                               bson.Decimal128("1.10"), bson.Regex("a", "i"), bson.MinKey(), bson.Code("f", {"x": 1}),
                               bson.Binary(b"\0\xff", 128), bson.Timestamp(1, 2), float("nan"), float("-inf"), -0.0]):
        yield {"_id": "type%d" % i, "changing": value, "list": [value, value], "in": {"deeper": value}}
    yield {"_id": "long", "text": "x" * 400_000}
    yield {"_id": "nul", "text": "a\0b"}
    yield {"_id": "wide", **{"field%d" % i: i for i in range(3000)}}
    text = b"\xff\xfe\xc3(\xed\xa0\x80"
    yield raw(1, b"\x02", (len(text) + 1).to_bytes(4, "little") + text + b"\0")
    yield raw(2, b"\x06", b"")                                                  # undefined
    yield raw(3, b"\x0e", b"\x02\0\0\0s\0")                                     # symbol
    yield raw(4, b"\x0c", b"\x02\0\0\0p\0ABCDEFGHIJKL")                         # DBPointer


def contents(database, name):
    plain = database.get_collection(name, codec_options=CodecOptions(document_class=RawBSONDocument))
    ids = {}
    for document in plain.find():
        at = document.raw.index(b"_id\0")
        ids[document.raw[at:at + 16]] = document.raw
    return ids


def main():
    database = pymongo.MongoClient(os.environ["MONGODB_URI"])[sys.argv[2]]
    if sys.argv[1] == "write":
        for document in documents():
            database["source"].insert_one(document)
        return
    want, have = contents(database, "source"), contents(database, "target")
    for key in want:
        if want[key] != have.get(key):
            print("different: %s\n  %s\n  %s" % (key, want[key][:300], have.get(key, b"")[:300]))
    print("%d documents, %d the same" % (len(want), sum(want[k] == have.get(k) for k in want)))


main()
