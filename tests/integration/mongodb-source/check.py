# SPDX-License-Identifier: Apache-2.0
"""Does something to a collection and compares what millrace puts into the topic with what it must be.

    check.py <what> [argument...]

Expectations are computed here from the documents alone, by the rules of DynamoDB Streams: which records, which
images, which sizes. A failed check raises.
"""
import datetime
import json
import math
import os
import re
import secrets
import subprocess
import sys
import time

import pymongo
from bson import Decimal128, Int64, ObjectId, Timestamp

MILLRACE = os.environ["MILLRACE"]
URI = os.environ["MONGODB_URI"]
CLIENT = pymongo.MongoClient(URI)
UTC = datetime.timezone.utc


def same(what, expected, found):
    if expected != found:
        raise SystemExit(f"{what}\n  expected: {json.dumps(expected, default=str)}\n  found:    {json.dumps(found, default=str)}")


def true(what, value, *shown):
    if not value:
        raise SystemExit(f"{what} {shown}")


def tap(topic):
    out = subprocess.run([MILLRACE, "tap", topic, "--once"], check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


class Rig:
    """A database and a topic of their own, and a pipeline between them."""

    def __init__(self, **options):
        self.name = "src_" + secrets.token_hex(4)
        self.db = CLIENT[self.name]
        self.topic = self.name
        self.options = {"database": self.name, "collections": "t", "snapshot.mode": "never", "topic.partitions": "1",
                        "topic": self.topic, **options}
        self.options = {key: value for key, value in self.options.items() if value is not None}

    def collection(self, name="t", images=True):
        return self.db.create_collection(name, changeStreamPreAndPostImages={"enabled": images})

    def flags(self, **more):
        options = {**self.options, **more}
        flags = []
        for key, value in options.items():
            name = key.replace(".", "-")
            flags += [f"--{name}={str(value).lower()}"] if isinstance(value, bool) else [f"--{name}", str(value)]
        return flags

    def command(self, *words, **more):
        return [MILLRACE, "source", "mongodb", "--connection-url", URI, *self.flags(**more), *words]

    def once(self, code=0, **more):
        """Reads what there is; returns what was logged."""
        done = subprocess.run(self.command("--once", **more), capture_output=True, text=True)
        true(f"exit code {code}", done.returncode == code, done.returncode, done.stderr[-2000:])
        return done.stderr

    def records(self, topic=None):
        return tap(topic or self.topic)

    def close(self):
        CLIENT.drop_database(self.name)


# --- What DynamoDB would say ---

def number_size(value):
    digits = str(abs(value)).replace(".", "").strip("0")
    return math.ceil(len(digits) / 2) + 1


def value_size(value):
    if value is None or isinstance(value, bool):
        return 1
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, (int, float)):
        return number_size(value)
    if isinstance(value, list):
        return 3 + sum(1 + value_size(v) for v in value)
    return 3 + sum(1 + len(k.encode()) + value_size(v) for k, v in value.items())


def item_size(item):
    return sum(len(k.encode()) + value_size(v) for k, v in item.items())


def wants(view, name, keys, new, old, ttl=False):
    """One record as it must be, but for what only the server knows."""
    shown_new = new if view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES") and name != "REMOVE" else None
    shown_old = old if view in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES") and name != "INSERT" else None
    return {
        "eventName": name, "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "us-east-1",
        "dynamodb": {
            "Keys": keys, "NewImage": shown_new, "OldImage": shown_old, "StreamViewType": view,
            "SizeBytes": item_size(keys) + (item_size(shown_new) if shown_new else 0) + (item_size(shown_old) if shown_old else 0),
        },
        "userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"} if ttl else None,
        "millrace": None,
    }


def without_nulls(value):
    """Fields that a document does not have are null in a typed image."""
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return value


def comparable(value):
    """A record without what only the server knows; images as documents."""
    record = json.loads(json.dumps(value))
    record.pop("eventID")
    stream = record["dynamodb"]
    stream.pop("SequenceNumber")
    stream.pop("ApproximateCreationDateTime")
    for image in ("NewImage", "OldImage"):
        if stream.get(image):
            stream[image] = without_nulls(stream[image])
    return record


def check_order(records):
    """eventID is unique, SequenceNumber is 30 digits and grows as text, times are now."""
    ids = [r["value"]["eventID"] for r in records]
    same("eventIDs are unique", len(ids), len(set(ids)))
    numbers = [r["value"]["dynamodb"]["SequenceNumber"] for r in records]
    true("SequenceNumbers", all(re.fullmatch(r"\d{30}", n) for n in numbers), numbers)
    true("SequenceNumbers grow", numbers == sorted(set(numbers)), numbers)
    true("eventIDs", all(re.fullmatch("[0-9a-f]{32}", i) for i in ids), ids)
    for r in records:
        created = r["value"]["dynamodb"]["ApproximateCreationDateTime"]
        true("ApproximateCreationDateTime", isinstance(created, int) and abs(created - time.time()) < 120, created)


# --- Views ---

def write_all_kinds(t):
    """Every kind of change once, no-ops between them. Returns (name, keys, new, old, ttl) of what must be told."""
    told = []
    past = datetime.datetime(2020, 1, 1, tzinfo=UTC)

    def tell(name, new, old, ttl=False):
        told.append((name, {"_id": (new or old)["_id"]}, new, old, ttl))

    a = {"_id": "a", "n": 1, "name": "Zoë", "sub": {"x": 1, "y": [1, "two"]}, "flag": True}
    t.insert_one(a)
    tell("INSERT", a, None)
    b = {**a, "n": 101, "more": 12.5}
    t.update_one({"_id": "a"}, {"$set": {"n": 101, "more": 12.5}})
    tell("MODIFY", b, a)
    t.update_one({"_id": "a"}, {"$set": {"n": 101}})
    t.update_one({"_id": "a"}, [{"$set": {"n": 101}}])
    c = {"_id": "a", "other": "text"}
    t.replace_one({"_id": "a"}, c)
    tell("MODIFY", c, b)
    t.replace_one({"_id": "a"}, c)
    d = {**c, "list": [2, 1]}
    t.update_one({"_id": "a"}, {"$set": {"list": [2, 1]}})
    tell("MODIFY", d, c)
    e = {**c, "list": [1, 2]}
    t.update_one({"_id": "a"}, {"$push": {"list": {"$each": [], "$sort": 1}}})
    tell("MODIFY", e, d)
    t.update_one({"_id": "a"}, {"$push": {"list": {"$each": [], "$sort": 1}}})
    with CLIENT.start_session() as session, session.start_transaction():
        for n in range(3):
            t.insert_one({"_id": f"t{n}", "n": n}, session=session)
            tell("INSERT", {"_id": f"t{n}", "n": n}, None)
        t.update_one({"_id": "t0"}, {"$set": {"n": 7}}, session=session)
        tell("MODIFY", {"_id": "t0", "n": 7}, {"_id": "t0", "n": 0})
        t.delete_one({"_id": "t1"}, session=session)
        tell("REMOVE", None, {"_id": "t1", "n": 1})
    t.insert_one({"_id": "fresh", "until": "x"})
    tell("INSERT", {"_id": "fresh", "until": "x"}, None)
    t.delete_one({"_id": "a"})
    tell("REMOVE", None, e)
    old = {"_id": "old", "expires": past}
    t.insert_one(old)
    seen = {"_id": "old", "expires": "2020-01-01T00:00:00.000Z"}
    tell("INSERT", seen, None)
    CLIENT.admin.command("setParameter", 1, ttlMonitorSleepSecs=1)
    end = time.monotonic() + 90
    while t.count_documents({"_id": "old"}) and time.monotonic() < end:
        time.sleep(0.1)
    same("the TTL monitor has come", 0, t.count_documents({"_id": "old"}))
    tell("REMOVE", None, seen, True)
    return told


def view(name):
    rig = Rig(**{"stream.view.type": name})
    t = rig.collection()
    t.create_index("expires", expireAfterSeconds=0)
    rig.once()
    told = write_all_kinds(t)
    rig.once()
    records = rig.records()
    found = [comparable(r["value"]) for r in records]
    expected = [wants(name, *t) for t in told]
    for n, (e, f) in enumerate(zip(expected, found)):
        same(f"record {n}", e, f)
    same("how many records", len(expected), len(found))
    check_order(records)
    same("keys of the messages", [t[1]["_id"] for t in told], [r["key"] for r in records])
    rig.close()


# --- Replay ---

def replay():
    """The same events read again from a time, and from the middle of a transaction, are the same records."""
    rig = Rig()
    t = rig.collection()
    start = datetime.datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    time.sleep(1.1)
    rig.once()
    with CLIENT.start_session() as session, session.start_transaction():
        for n in range(3000):
            t.insert_one({"_id": n, "n": n}, session=session)
    rig.once()
    first = [r["value"] for r in rig.records()]
    same("records of the transaction", 3000, len(first))
    again = Rig(database=rig.name, **{"start.at": start, "fetch.size": "7"})
    again.options["topic"] = again.topic
    again.once()
    same("read again in other portions", first, [r["value"] for r in again.records()])
    # From each of some positions in the middle: a pipeline that begins at that token.
    with t.watch(start_at_operation_time=Timestamp(int(first[0]["dynamodb"]["SequenceNumber"][:10]), 1)) as stream:
        tokens = [stream.next()["_id"]["_data"] for _ in range(1500)]
    middle = Rig(database=rig.name, **{"start.at": tokens[-1]})
    middle.options["topic"] = middle.topic
    middle.once()
    rest = [r["value"] for r in middle.records()]
    same("events after a token", [r["eventID"] for r in first[1500:]], [r["eventID"] for r in rest])
    for r in (rig, again, middle):
        r.close()


def killed():
    """kill -9 in the middle of a transaction's events: no record lost, none doubled, numbers go on."""
    rig = Rig(**{"fetch.size": "50"})
    t = rig.collection()
    rig.once()
    with CLIENT.start_session() as session, session.start_transaction():
        for n in range(3000):
            t.insert_one({"_id": n, "n": n}, session=session)
    for _ in range(4):
        process = subprocess.Popen(rig.command(**{"commit.interval.ms": "5"}), stderr=subprocess.DEVNULL)
        before = len(rig.records())
        end = time.monotonic() + 20
        while len(rig.records()) == before and before < 3000 and time.monotonic() < end:
            pass
        process.kill()
        process.wait()
    rig.once()
    records = rig.records()
    same("each once, in order", list(range(3000)), [r["value"]["dynamodb"]["Keys"]["_id"] for r in records])
    check_order(records)
    same("numbers go on", list(range(0, 6000, 2)), [int(r["value"]["dynamodb"]["SequenceNumber"][20:]) for r in records])
    rig.close()


# --- Formats ---

def dynamodb_json():
    rig = Rig(format="dynamodb-json", **{"key.fields": "pk,sk", "aws.region": "eu-west-1"})
    t = rig.collection()
    rig.once()
    t.insert_one({"_id": 1, "pk": "a", "sk": 7, "km": Decimal128("12.50"), "raw": b"\x01", "l": [1, None], "m": {"x": True}})
    t.update_one({"_id": 1}, {"$set": {"km": Decimal128("13")}})
    t.replace_one({"_id": 1}, {"km": Decimal128("13"), "m": {"x": True}, "pk": "a", "sk": 7, "l": [1, None], "raw": b"\x01"})
    t.delete_one({"_id": 1})
    rig.once()
    records = rig.records()
    item = {"_id": {"N": "1"}, "pk": {"S": "a"}, "sk": {"N": "7"}, "km": {"N": "12.50"}, "raw": {"B": "AQ=="},
            "l": {"L": [{"N": "1"}, {"NULL": True}]}, "m": {"M": {"x": {"BOOL": True}}}}
    same("a reordered document changes nothing", ["INSERT", "MODIFY", "REMOVE"], [r["value"]["eventName"] for r in records])
    first = records[0]["value"]
    same("members", ["eventID", "eventName", "eventVersion", "eventSource", "awsRegion", "dynamodb", "eventSourceARN"], list(first))
    same("members of dynamodb", ["ApproximateCreationDateTime", "Keys", "NewImage", "SequenceNumber", "SizeBytes", "StreamViewType"],
         list(first["dynamodb"]))
    same("NewImage", item, first["dynamodb"]["NewImage"])
    same("Keys", {"pk": {"S": "a"}, "sk": {"N": "7"}}, first["dynamodb"]["Keys"])
    same("OldImage", item, records[1]["value"]["dynamodb"]["OldImage"])
    same("region", "eu-west-1", first["awsRegion"])
    true("ARN", re.fullmatch(rf"arn:aws:dynamodb:eu-west-1:000000000000:table/{rig.name}\.t/stream/[\d:.T-]{{23}}", first["eventSourceARN"]),
         first["eventSourceARN"])
    same("key of the message", ['["a",7]'] * 3, [r["key"] if isinstance(r["key"], str) else json.dumps(r["key"], separators=(",", ":")) for r in records])
    same("the label stays", 1, len({r["value"]["eventSourceARN"] for r in records}))
    rig.close()


def documents():
    rig = Rig(format="documents", **{"stream.view.type": "NEW_IMAGE"})
    t = rig.collection()
    rig.once()
    t.insert_one({"_id": "a", "n": 1})
    t.update_one({"_id": "a"}, {"$set": {"n": 2}})
    t.delete_one({"_id": "a"})
    rig.once()
    found = [(r["key"], r.get("value")) for r in rig.records()]
    same("documents and a tombstone", [("a", {"_id": "a", "n": 1}), ("a", {"_id": "a", "n": 2}), ("a", None)], found)
    rig.close()


# --- Schemas ---

def evolving():
    """A new field, a wider type and a type that nothing holds beside the first: versions, never a stop."""
    rig = Rig()
    t = rig.collection()
    rig.once()
    stages = [{"v": 1}, {"v": Int64(1 << 40)}, {"v": 1.5}, {"v": "text"}, {"v": {"deep": [1]}}, {"v": ObjectId()}, {"v": Decimal128("1.5")},
              {"v": datetime.datetime(2026, 1, 1, tzinfo=UTC)}, {"dots.and$dollars": 1}, {"$x": 1}, {"": 1}]
    for n, fields in enumerate(stages):
        t.insert_one({"_id": n, **fields})
        rig.once()
    deep = {"end": 1}
    for _ in range(99):
        deep = {"d": deep}
    t.insert_one({"_id": "deep", **deep})
    rig.once()
    same("all are there", len(stages) + 1, len(rig.records()))
    rig.close()


def given_schema():
    """A document that violates the given schema goes to the dead letters with path and types; the stream goes on."""
    schema = {"type": "record", "name": "shop.Order", "fields": [
        {"name": "_id", "type": "string"},
        {"name": "n", "type": ["null", "int"], "default": None},
        {"name": "sub", "type": ["null", {"type": "record", "name": "Sub", "fields": [{"name": "x", "type": "int"}]}], "default": None}]}
    rig = Rig(schema=json.dumps(schema))
    t = rig.collection()
    rig.once()
    t.insert_one({"_id": "good", "n": 1, "sub": {"x": 1}})
    t.insert_one({"_id": "bad", "n": 1, "sub": {"x": "text"}})
    t.insert_one({"_id": "more", "n": 1, "unknown": 1})
    t.insert_one({"_id": "last", "n": 2})
    log = rig.once()
    same("records", ["good", "last"], [r["key"] for r in rig.records()])
    true("the path is told", "sub.x" in log, log)
    true("the field is told", "unknown" in log, log)
    rig.once(**{"schema.ignore.unknown": True, "start.at": (datetime.datetime.now(UTC) - datetime.timedelta(seconds=60)).strftime("%Y-%m-%dT%H:%M:%SZ")})
    same("unknown fields left out", ["good", "last", "good", "more", "last"], [r["key"] for r in rig.records()])
    rig.close()


def key_fields():
    """A key field that changes is another item; one that is missing is a dead letter."""
    rig = Rig(**{"key.fields": "user.name,n"})
    t = rig.collection()
    rig.once()
    t.insert_one({"_id": 1, "user": {"name": "a"}, "n": 1})
    t.update_one({"_id": 1}, {"$set": {"n": 2}})
    t.insert_one({"_id": 2, "n": 1})
    t.delete_one({"_id": 1})
    log = rig.once()
    records = rig.records()
    same("events", ["INSERT", "REMOVE", "INSERT", "REMOVE"], [r["value"]["eventName"] for r in records])
    same("keys", [1, 1, 2, 2], [r["value"]["dynamodb"]["Keys"]["n"] for r in records])
    check_order(records)
    true("the dead letter names the field", "user.name" in log, log)
    rig.close()


# --- Images that are not there ---

def looked_up():
    rig = Rig(**{"images.enable": False})
    t = rig.collection(images=False)
    rig.once()
    t.insert_one({"_id": 1, "n": 1})
    t.update_one({"_id": 1}, {"$set": {"n": 2}})
    t.insert_one({"_id": 2, "n": 1})
    t.update_one({"_id": 2}, {"$set": {"n": 2}})
    t.delete_one({"_id": 2})
    log = rig.once()
    values = [r["value"] for r in rig.records()]
    same("events", ["INSERT", "MODIFY", "INSERT", "MODIFY", "REMOVE"], [v["eventName"] for v in values])
    same("images", [None, ("LOOKUP", "MISSING"), None, ("MISSING", "MISSING"), ("STORED", "MISSING")],
         [v["millrace"] and (v["millrace"]["newImageSource"], v["millrace"]["oldImageSource"]) for v in values])
    same("what was looked up", {"_id": 1, "n": 2}, values[1]["dynamodb"]["NewImage"])
    same("what is gone", None, values[3]["dynamodb"]["NewImage"])
    true("it is said", "were looked up" in log and "are missing" in log, log)
    rig.close()


def switched_on():
    rig = Rig()
    t = rig.collection(images=False)
    rig.once()
    options = rig.db.command("listCollections", filter={"name": "t"})["cursor"]["firstBatch"][0]["options"]
    same("collMod", True, options["changeStreamPreAndPostImages"]["enabled"])
    t.insert_one({"_id": 1, "n": 1})
    t.update_one({"_id": 1}, {"$set": {"n": 2}})
    rig.once()
    same("images", [None, None], [r["value"]["millrace"] for r in rig.records()])
    rig.close()


def too_large():
    """An event that is too large with its images, between others: only that one goes without."""
    rig = Rig(format="dynamodb-json", **{"stream.view.type": "OLD_IMAGE"})
    t = rig.collection()
    rig.once()
    big = "x" * 9_000_000
    t.insert_one({"_id": 1})
    t.update_one({"_id": 1}, {"$set": {"n": 1}})
    t.insert_one({"_id": 2, "big": big})
    t.update_one({"_id": 2}, {"$set": {"n": 1}})
    t.update_one({"_id": 1}, {"$set": {"n": 2}})
    t.update_one({"_id": 2}, {"$set": {"big": "y" * 9_000_000}})
    t.update_one({"_id": 1}, {"$set": {"n": 3}})
    if CLIENT.server_info()["versionArray"][:3] >= [6, 0, 9]:
        return  # such a server sends it in fragments, whose old image is too large for a message
    log = rig.once()
    found = [(r["value"]["eventName"], r["value"]["dynamodb"]["Keys"]["_id"]["N"], r["value"].get("millrace", {}).get("oldImageSource"))
             for r in rig.records()]
    same("two go without their images", [("INSERT", "1", None), ("MODIFY", "1", None), ("INSERT", "2", None), ("MODIFY", "2", "MISSING"),
                                         ("MODIFY", "1", None), ("MODIFY", "2", "MISSING"), ("MODIFY", "1", None)], found)
    true("it is said", "larger than 16 MiB" in log, log)
    rig.close()


# --- Collections that come and go ---

def come_and_go():
    """Drop, rename, dropDatabase: notices, and the stream goes on with what is made anew."""
    rig = Rig()
    log = rig.once()
    true("it waits", "waiting for it" in log, log)
    for n in range(2):
        rig.db.t.insert_one({"_id": n})
        rig.db.t.drop()
    rig.db.t.insert_one({"_id": 2})
    rig.db.t.rename("u")
    rig.db.t.insert_one({"_id": 3})
    CLIENT.drop_database(rig.name)
    rig.db.t.insert_one({"_id": 4})
    rig.once()
    shown = [r["value"].get("kind") or r["value"]["dynamodb"]["Keys"]["_id"] for r in rig.records()]
    same("records and notices", [0, "DROP", 1, "DROP", 2, "RENAME", 3, "DROP", 4], shown)
    rename = next(r["value"] for r in rig.records() if r["value"].get("kind") == "RENAME")
    same("edges of the rename", (f"{rig.name}.t", f"{rig.name}.u"), (rename["from"], rename["to"]))
    same("a notice has no key", True, all(r["key"] is None for r in rig.records() if r["value"].get("kind")))
    rig.close()


def created():
    rig = Rig(**{"missing.collection": "create"})
    rig.once()
    same("it is made", ["t"], rig.db.list_collection_names())
    rig.close()


def whole_database():
    """All collections of a database, to topics of their own; some of them, to one."""
    rig = Rig(collections=None)
    rig.options["topic"] = rig.name + "_{collection}"
    rig.once()
    for n in range(4):
        for name in ("a", "b", "c"):
            rig.db[name].insert_one({"_id": n, name: n})
    rig.once()
    rig.db['odd "name"'].insert_one({"_id": "odd"})
    rig.once()
    same("a name that no topic can have", ["odd"], [r["key"] for r in rig.records(f"{rig.name}_odd__name_")])
    for name in ("a", "b", "c"):
        found = [r["value"]["dynamodb"]["NewImage"] for r in rig.records(f"{rig.name}_{name}")]
        same(f"topic of {name}", [{"_id": n, name: n} for n in range(4)], found)
    some = Rig(database=rig.name, collections="a,c", **{"start.at": (datetime.datetime.now(UTC) - datetime.timedelta(seconds=30)).strftime("%Y-%m-%dT%H:%M:%SZ")})
    some.options["topic"] = some.topic
    some.once()
    same("some of them", [f"{name}{n}" for n in range(4) for name in ("a", "c")],
         [next(f"{k}{v}" for k, v in r["value"]["dynamodb"]["NewImage"].items() if k != "_id" and v is not None) for r in some.records()])
    rig.close()


def deployment():
    """All databases; other tests write at the same time, so only our own documents are looked at."""
    rig = Rig(database=None, collections=None, **{"images.enable": False, "on.failure.topic": "ignored_" + secrets.token_hex(4)})
    rig.collection("a")
    rig.once()
    ids = [f"{rig.name}-{n}" for n in range(6)]
    for n, own in enumerate(ids):
        CLIENT[rig.name + str(n % 2)][f"c{n % 3}"].insert_one({"_id": own})
    rig.once()
    same("all are there, in order", ids, [r["key"] for r in rig.records() if r["key"] in ids])
    for n in range(2):
        CLIENT.drop_database(rig.name + str(n))
    rig.close()


# --- Positions ---

def quiet():
    """The position of a quiet collection moves with the others' writes."""
    rig = Rig()
    rig.collection()
    rig.once()
    first = position(rig)
    for n in range(5):
        rig.db.other.insert_one({"n": n})
    rig.once()
    true("it has moved", position(rig)["time"] > first["time"], first, position(rig))
    same("without a record", [], rig.records())
    rig.close()


def position(rig):
    found = [r["value"] for r in tap("millrace.positions") if rig.topic in json.dumps(r["key"]) and "stream" in json.dumps(r["key"])]
    value = found[-1]
    return json.loads(value) if isinstance(value, str) else value


def lost():
    """A token that the oplog does not have: fail with what to do, or go on with a notice."""
    rig = Rig()
    t = rig.collection()
    rig.once()
    t.insert_one({"_id": 1})
    with t.watch() as stream:
        t.insert_one({"_id": 2})
        token = stream.next()["_id"]["_data"]
    rig.once()
    old = {"start.at": token[:10] + "00FFFFFF" + token[18:]}  # an event that never was
    time.sleep(1.1)
    t.insert_one({"_id": "lost"})
    log = rig.once(code=1, **old)
    for part in ("no longer in the oplog", "on.unresumable", "resnapshot", "resume"):
        true("it says what to do", part in log, part, log)
    log = rig.once(**old, **{"on.unresumable": "resume"})
    t.insert_one({"_id": 3})
    rig.once(**old)
    found = [r["value"] for r in rig.records()]
    same("records and one gap", [1, 2, "GAP", 3], [v.get("kind") or v["dynamodb"]["Keys"]["_id"] for v in found])
    true("its edges", old["start.at"] in found[2]["from"] and found[2]["to"] >= found[2]["from"][:20], found[2])
    true("it is said", "can not go on" in log, log)
    rig.close()


def fold(rig, documents):
    """What the topic says there is, by key; and how often each key was told to be removed."""
    there, removed = {}, {}
    for r in rig.records():
        value = r["value"]
        if value and value.get("kind"):
            continue
        gone = value is None if documents else value["eventName"] == "REMOVE"
        key = r["key"]
        if gone:
            there.pop(key, None)
            removed[key] = removed.get(key, 0) + 1
        else:
            there[key] = value["n"] if documents else value["dynamodb"]["NewImage"]["n"]
    return there, removed


def deleted_unseen(kind, kills="0"):
    """A stream that lost its place reads all anew, and says what was deleted meanwhile; with kill -9 in between."""
    documents = kind == "documents"
    rig = Rig(format=kind, **{"on.unresumable": "resnapshot", "commit.interval.ms": "20"})
    t = rig.collection()
    count = 4000 if int(kills) else 40
    rig.once()
    t.insert_many([{"_id": n if n % 2 else str(n), "n": n} for n in range(count)])
    with t.watch() as stream:
        t.insert_one({"_id": "mark", "n": -1})
        token = stream.next()["_id"]["_data"]
    t.delete_one({"_id": "0"})  # seen: not told again
    rig.once()
    while time.time() < int(token[2:10], 16) + 1.1:  # the position below lies at the end of the mark's second
        time.sleep(0.05)
    gone = [k for n in range(1, count, 4) for k in [n if n % 2 else str(n)]] + ["2", "mark"]
    t.delete_many({"_id": {"$in": gone}})
    t.insert_one({"_id": 5, "n": 500})  # deleted, but there again
    t.update_one({"_id": "4"}, {"$set": {"n": 400}})
    time.sleep(1.1)
    lost = {"start.at": token[:10] + "00FFFFFF" + token[18:]}
    for _ in range(int(kills)):
        process = subprocess.Popen(rig.command(**lost), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        time.sleep(0.4 + secrets.randbelow(900) / 1000)
        process.kill()
        process.wait()
    rig.once(**lost)
    t.delete_one({"_id": "6"})  # the stream goes on
    rig.once(**lost)
    there, removed = fold(rig, documents)
    same("the topic has what the collection has", {str(d["_id"]): d["n"] for d in t.find()}, there)
    expected = {str(k): 1 for k in gone if k != 5} | {"0": 1, "6": 1}
    same("each that is gone was told once", expected, removed)
    before = len(rig.records())
    rig.once(**lost)
    same("and that was all", before, len(rig.records()))
    rig.close()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
