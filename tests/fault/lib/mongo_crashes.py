#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Crashes while a collection is carried through Kafka into another one, and what must come of it.

Writers do all sorts of things to a collection (mongo_workload.py) while a source process and a sink process move its
changes. Meanwhile processes are killed, or the primary steps down, or a server is killed. In the end

  - the second collection holds the very same documents, byte for byte;
  - the topic tells each document's whole story, each change once: every OldImage is the NewImage before it,
    sequence numbers grow, no eventID comes twice;
  - a collection that is only appended to has one document for each record of the topic.

    mongo_crashes.py --kills 20 --victims source,sink,stepdown [--before 2000] [--snapshot initial|never]
    mongo_crashes.py --kills 20 --victims none              the same without any crash

--before documents are there before the source starts; with a snapshot their story begins with it. Prints TAP lines.
The random seed is printed and can be given again with --seed.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import time

import pymongo
from pymongo.errors import PyMongoError

import mongo_workload as workload
from harness import ENV, MILLRACE, SESSION_S, TMP, Process, server, show_logs, tap

URI = ENV["MONGODB_URI"]
GROUP = {"session.timeout.ms": str(int(SESSION_S * 1000)), "heartbeat.interval.ms": "300"}


def pipeline(name, snapshot):
    """Without a snapshot the stream begins before the first write, whenever the source comes up."""
    start = {"start.at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())} if snapshot == "never" else {}
    return {
        "name": name,
        "kafka": {"bootstrap.servers": ENV["KAFKA_BOOTSTRAP_SERVERS"], **GROUP},
        "sources": {"in": {"connector": "mongodb", "connection.url": URI, "database": name, "collections": ["source"],
                           "topic": name, "snapshot.mode": snapshot, "commit.interval.ms": "20", **start}},
        "sinks": {"out": {"connector": "mongodb", "topics": [name], "connection.url": URI, "database": name,
                          "batch.size": 300,
                          "routes": [
                              {"collection": "target", "write.mode": "upsert"},
                              {"collection": "log", "write.mode": "insert",
                               "query": "SELECT _partition AS p, _offset AS o, _key AS k FROM record "
                                        "WHERE _op <> 'delete'"},
                          ]}},
    }


def step_down(client):
    """The only node steps down and elects itself again: connections break, transactions end."""
    try:
        client.admin.command({"replSetStepDown": 1, "secondaryCatchUpPeriodSecs": 0, "force": True})
    except PyMongoError:
        pass    # the answer may come over a connection that was cut


def wait_for_primary(client):
    for _ in range(600):
        try:
            if client.admin.command("hello").get("isWritablePrimary"):
                return
        except PyMongoError:
            pass
        time.sleep(0.1)
    raise RuntimeError("there is no primary after 60 s")


def crash(rng, victims, processes, client):
    victim = rng.choice(victims)
    if victim == "none":
        return
    if victim == "stepdown":
        step_down(client)
    elif victim.endswith("-zombie"):
        processes[victim[:-len("-zombie")]].replace(rng)
    elif victim in processes:
        processes[victim].kill()
        processes[victim].start()
    else:
        which = ["kafka", "mongod"] if victim == "both" else [victim]
        server("kill", which)
        time.sleep(rng.uniform(0, 1))
        server("up", which)


def wait_until_same(database, limit_s):
    """Waits until the target is what the source is; returns both."""
    end = time.time() + limit_s
    while True:
        want, have = workload.contents(database, "source"), workload.contents(database, "target")
        if want == have or time.time() > end:
            return want, have
        time.sleep(0.5)


def records(topic):
    p = subprocess.run([MILLRACE, "tap", topic, "--once", "-X", "bootstrap.servers=" + ENV["KAFKA_BOOTSTRAP_SERVERS"]],
                       capture_output=True, text=True)
    if p.returncode:
        raise RuntimeError(p.stderr)
    return [json.loads(line) for line in p.stdout.splitlines()]


def plain(image):
    """An image without its nulls: schemas grow, and a field that is not there is null."""
    if isinstance(image, dict):
        return {k: plain(v) for k, v in image.items() if v is not None}
    return [plain(v) for v in image] if isinstance(image, list) else image


class Story:
    """Follows each document through the topic; `wrong` says what does not fit."""

    def __init__(self, known_at_start):
        self.wrong, self.events, self.last, self.sequences = [], set(), {}, {}
        self.known_at_start = known_at_start    # without a snapshot nothing was there before

    def tell(self, record):
        change, key = record["value"], json.dumps(record["key"])
        dynamodb, name = change["dynamodb"], change["eventName"]
        at = "%s@%s %s %s" % (record["partition"], record["offset"], name, key)
        old, new = plain(dynamodb["OldImage"]), plain(dynamodb["NewImage"])
        if change["eventID"] in self.events:
            self.wrong.append("%s: eventID %s comes twice" % (at, change["eventID"]))
        self.events.add(change["eventID"])
        if dynamodb["SequenceNumber"] <= self.sequences.get(key, ""):
            self.wrong.append("%s: %s does not follow %s" % (at, dynamodb["SequenceNumber"], self.sequences[key]))
        self.sequences[key] = dynamodb["SequenceNumber"]
        if (name == "REMOVE") != (new is None) or (name == "INSERT") != (old is None):
            self.wrong.append("%s: with old %s, new %s" % (at, old is not None, new is not None))
        if (change["millrace"] or {}).get("snapshot"):
            self.seen(at, key, new)
        elif old != self.last.get(key, old if self.known_at_start else None):
            self.wrong.append("%s: the image before is %s, the record has %s" % (at, self.last.get(key), old))
        self.last[key] = new

    def seen(self, at, key, image):
        """A snapshot shows a document as its changes have left it."""
        if key in self.last and self.last[key] != image:
            self.wrong.append("%s: the snapshot shows %s, the changes left %s" % (at, image, self.last[key]))


def check_documents(what, want, have):
    missing, extra = want.keys() - have.keys(), have.keys() - want.keys()
    different = [k for k in want.keys() & have.keys() if want[k] != have[k]]
    show = lambda keys: [workload.bson.decode(k) for k in list(keys)[:3]]
    return tap(want == have, what, "%d documents expected, %d found" % (len(want), len(have)),
               "missing: %s" % show(missing), "unexpected: %s" % show(extra), "different: %s" % show(different),
               *["%s -> %s" % (workload.bson.decode(want[k]), workload.bson.decode(have[k])) for k in different[:2]])


def check_log(database, all_records):
    there = sorted((d["p"], d["o"]) for d in database["log"].find())
    want = sorted((r["partition"], r["offset"]) for r in all_records if r["value"]["eventName"] != "REMOVE")
    return tap(there == want, "the append-only collection has each of %d records once" % len(want),
               "%d found, %d doubled" % (len(there), len(there) - len(set(there))),
               "missing: %s" % sorted(set(want) - set(there))[:5])


def check_end(database, name, what, o):
    want, have = wait_until_same(database, o.settle)
    all_records = records(name)
    story = Story(known_at_start=o.snapshot != "never")
    for r in all_records:
        story.tell(r)
    return all([
        check_documents("%s the target equals the source: %d documents, byte for byte" % (what, len(want)), want, have),
        tap(not story.wrong, "the topic tells each document's story, each of %d changes once" % len(all_records),
            *story.wrong[:10]),
        check_log(database, all_records),
    ])


def arguments():
    a = argparse.ArgumentParser()
    a.add_argument("--kills", type=int, required=True)
    a.add_argument("--victims", default="source,sink")
    a.add_argument("--before", type=int, default=2000, help="documents that are there at the start")
    a.add_argument("--snapshot", default="initial")
    a.add_argument("--writers", type=int, default=3)
    a.add_argument("--pause", type=float, default=0.8, help="longest time between kills, in seconds")
    a.add_argument("--settle", type=float, default=120, help="longest wait for the end, in seconds")
    a.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    return a.parse_args()


def start_writers(o, name):
    writers = [workload.Writer(URI, name, "source", i, o.seed * 100 + i) for i in range(o.writers)]
    for w in writers:
        w.start()
    return writers


def stop_writers(writers):
    for w in writers:
        w.done.set()
    for w in writers:
        w.join()
    did = {}
    for w in writers:
        for kind, count in w.operations.items():
            did[kind] = did.get(kind, 0) + count
    print("# the writers did %s" % did, flush=True)
    return all([tap(w.failure is None, "writer %d did its work" % w.number, w.failure) for w in writers])


def main():
    o = arguments()
    print("# seed %d" % o.seed, flush=True)
    rng = random.Random(o.seed)
    name = "mongo_crash_%x" % random.randrange(1 << 40)
    client = workload.client(URI)
    database = client[name]
    workload.prepare(database, "source")
    if o.before and o.snapshot != "never":
        database["source"].insert_many([{"_id": i, **workload.document(rng)} for i in range(o.before)])
    conf = os.path.join(TMP, name + ".json")
    with open(conf, "w") as f:
        json.dump(pipeline(name, o.snapshot), f, indent=1)
    processes = {"source": Process("source", "in", conf), "sink": Process("sink", "out", conf)}
    for p in processes.values():
        p.start()
    writers = start_writers(o, name)
    victims = o.victims.split(",")
    for _ in range(o.kills):
        time.sleep(rng.uniform(0.02, o.pause))
        crash(rng, victims, processes, client)
    wait_for_primary(client)
    good = stop_writers(writers)
    what = "after %d crashes (%s)" % (o.kills, o.victims)
    good = all([
        check_end(database, name, what, o), good,
        tap(processes["sink"].stop() == 0, "the sink stops in order on SIGTERM"),
        tap(processes["source"].stop() == 0, "the source stops in order on SIGTERM"),
    ])
    if good:
        client.drop_database(name)
    else:
        show_logs(processes)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
