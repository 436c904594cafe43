# SPDX-License-Identifier: Apache-2.0
"""Writers that do to a collection whatever a collection can have done to it, at random.

Documents have fields of all sorts, in any order, present or not; a few have types that change from
document to document. Each writer keeps to ids of its own, so that it can say what must be there; transactions
touch several documents at once; TTL deletes come from the server.
"""
import datetime
import random
import threading
import time
import uuid

import bson
import bson.raw_bson
import pymongo
from bson.codec_options import CodecOptions, UuidRepresentation
from pymongo.errors import PyMongoError

CODEC = CodecOptions(uuid_representation=UuidRepresentation.STANDARD)


def client(uri):
    return pymongo.MongoClient(uri, retryWrites=True, serverSelectionTimeoutMS=60000, uuidRepresentation="standard")


def is_passing(error):
    """The primary is away, or steps down in the middle of a write, also of one that the driver does again."""
    return isinstance(error, (pymongo.errors.AutoReconnect, pymongo.errors.ServerSelectionTimeoutError)) or (
        isinstance(error, PyMongoError) and error.has_error_label("RetryableWriteError"))


def value(rng, depth=0):
    kinds = [
        lambda: rng.randrange(-5, 1 << 20),
        lambda: bson.Int64(rng.randrange(1 << 50)),
        lambda: round(rng.uniform(-1000, 1000), 3),
        lambda: rng.choice(["", "plain", "ünïcödé 🚕", "x" * rng.randrange(300), "two\nlines", 'a"quote']),
        lambda: rng.random() < 0.5,
        lambda: None,
        lambda: datetime.datetime(2019, 3, 1) + datetime.timedelta(milliseconds=rng.randrange(1 << 40)),
        lambda: bson.ObjectId(),
        lambda: bson.Decimal128(str(round(rng.uniform(0, 1e6), 2))),
        lambda: uuid.UUID(int=rng.getrandbits(128)),
        lambda: bson.Binary(bytes(rng.getrandbits(8) for _ in range(rng.randrange(20)))),
        lambda: bson.Regex("^a.*b$", "i"),
        lambda: bson.Timestamp(rng.randrange(1 << 31), rng.randrange(100)),
        lambda: bson.MaxKey(),
    ]
    if depth < 3:
        kinds.append(lambda: [value(rng, depth + 1) for _ in range(rng.randrange(4))])
        kinds.append(lambda: {"k%d" % i: value(rng, depth + 1) for i in range(rng.randrange(4))})
    return rng.choice(kinds)()


def document(rng):
    fields = [("name", rng.choice(["Ann", "Bob", "Çelik"])), ("miles", round(rng.uniform(0, 30), 2)),
              ("count", rng.randrange(100)), ("at", datetime.datetime(2019, 3, 1)),
              ("price", bson.Decimal128("%.2f" % rng.uniform(1, 100))),
              ("place", {"city": "New York", "zip": rng.randrange(10000, 11000)}),
              ("tags", [rng.choice("abc") for _ in range(rng.randrange(4))])]
    chosen = [f for f in fields if rng.random() < 0.9]
    if rng.random() < 0.2:
        rng.shuffle(chosen)
    if rng.random() < 0.3:
        chosen.append((rng.choice(["extra", "odd.name", "$cash", "more", "Any Thing"]), value(rng)))
    return dict(chosen)


class Writer(threading.Thread):
    """One writer; `operations` counts what it did, by kind."""

    def __init__(self, uri, database, collection, number, seed):
        super().__init__(daemon=True)
        self.client = client(uri)
        self.collection = self.client[database].get_collection(collection, codec_options=CODEC)
        self.rng, self.number, self.done = random.Random(seed), number, threading.Event()
        self.ids, self.next, self.operations, self.failure = [], 0, {}, None

    def new_id(self):
        self.next += 1
        kind = self.next % 4
        text = "w%d-%d" % (self.number, self.next)
        return [text, self.number * 10_000_000 + self.next, bson.ObjectId(),
                {"rider": text, "trip": self.next}][kind]

    def put(self, _id, content, upsert, session=None):
        """Replaces a document; a name like $cash may only come in as a literal."""
        content = {"_id": _id, **{k: v for k, v in content.items() if k != "_id"}}
        if any(k.startswith("$") for k in content):
            self.collection.update_one({"_id": _id}, [{"$replaceWith": {"$literal": content}}], upsert=upsert,
                                       session=session)
        else:
            self.collection.replace_one({"_id": _id}, content, upsert=upsert, session=session)

    def insert(self, session=None):
        # Not a plain insert: the driver may have to do it again.
        _id = self.new_id()
        self.put(_id, document(self.rng), True, session)
        self.ids.append(_id)

    def insert_many(self):
        documents = [{"_id": self.new_id(), **document(self.rng)} for _ in range(self.rng.randrange(1, 30))]
        self.ids += [d["_id"] for d in documents]
        try:
            self.collection.insert_many(documents, ordered=False)
        except pymongo.errors.BulkWriteError as e:
            if any(x["code"] != 11000 for x in e.details["writeErrors"]):
                raise

    def pick(self):
        return self.rng.choice(self.ids) if self.ids else None

    def update(self, session=None):
        change = self.rng.choice([
            {"$set": {"count": self.rng.randrange(1000)}},
            {"$inc": {"count": 1}},
            {"$unset": {"tags": ""}},
            {"$push": {"tags": "z"}},
            {"$set": {"place.zip": self.rng.randrange(10000, 11000), "extra": value(self.rng)}},
            {"$rename": {"name": "title"}},
        ])
        try:
            self.collection.update_one({"_id": self.pick()}, change, session=session)
        except pymongo.errors.WriteError as e:
            if e.code not in (2, 14, 16837, 40, 28, 10141):    # does not fit this document: $push to a number
                raise

    def replace(self, session=None):
        self.put(self.pick(), document(self.rng), False, session)

    def nothing(self):
        """Writes that change nothing."""
        _id = self.pick()
        there = self.collection.find_one({"_id": _id})
        if there:
            self.collection.update_one({"_id": _id}, {"$set": {"name": there.get("name")}} if "name" in there
                                       else {"$unset": {"never": ""}})
            self.put(_id, there, False)

    def delete(self, session=None):
        _id = self.pick()
        if _id is not None:
            self.collection.delete_one({"_id": _id}, session=session)
            if session is None:
                self.ids.remove(_id)

    def expire(self):
        """The server deletes it, soon."""
        self.collection.update_one({"_id": self.pick()},
                                   {"$set": {"expires": datetime.datetime.now(datetime.timezone.utc)}})

    def transaction(self):
        with self.client.start_session() as session:
            try:
                with session.start_transaction():
                    for _ in range(self.rng.randrange(2, 12)):
                        self.rng.choice([self.insert, self.replace, self.delete])(session=session)
                    if self.rng.random() < 0.2:
                        session.abort_transaction()
            except PyMongoError as e:
                if not (e.has_error_label("TransientTransactionError") or
                        e.has_error_label("UnknownTransactionCommitResult")):
                    raise

    def step(self):
        kinds = [(self.insert, 20), (self.insert_many, 4), (self.update, 40), (self.replace, 15), (self.nothing, 8),
                 (self.delete, 8), (self.expire, 2), (self.transaction, 6)]
        one = self.rng.choices([k for k, _ in kinds], [w for _, w in kinds])[0]
        if not self.ids:
            one = self.insert
        one()
        self.operations[one.__name__] = self.operations.get(one.__name__, 0) + 1

    def run(self):
        while not self.done.is_set():
            try:
                self.step()
            except Exception as e:
                if not is_passing(e):    # told by the main thread
                    self.failure = e
                    return
                time.sleep(0.05)
            time.sleep(0.001)


def prepare(database, collection):
    """All images are kept from the start. Documents expire by `expires`; the server looks every second."""
    database.create_collection(collection, changeStreamPreAndPostImages={"enabled": True})
    database[collection].create_index("expires", expireAfterSeconds=0)
    database.client.admin.command("setParameter", 1, ttlMonitorSleepSecs=1)


def contents(database, collection):
    """All documents by id, byte for byte."""
    raw = database.get_collection(collection, codec_options=CodecOptions(document_class=bson.raw_bson.RawBSONDocument))
    return {bson.encode({"_id": bson.decode(d.raw)["_id"]}): d.raw for d in raw.find()}
