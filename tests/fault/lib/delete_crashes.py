#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Crashes while rows are deleted, and what must come of it.

A source process writes rows of a few hundred keys into a topic of one partition, again and again; this program puts
tombstones of the same keys between them. A sink process upserts and deletes. Both are killed with SIGKILL at random
moments. In the end the table must hold just the keys whose last message in the topic is a row, with that row's value:
the topic itself says which those are, and the source's n-th row of a key is the n-th line of it in the file.

Prints TAP lines. The random seed is printed and can be given again with --seed.
"""
import argparse
import collections
import json
import os
import random
import subprocess
import sys
import threading
import time

from crashes import sql
from harness import ENV, SESSION_S, TMP, Process, compare, show_logs, tap

KEYS = 300
KCAT = ["kcat", "-q", "-b", ENV["KAFKA_BOOTSTRAP_SERVERS"]]


class Feeder(threading.Thread):
    """Appends lines to the file, and deletes keys by tombstones in the topic."""

    def __init__(self, path, topic, seed):
        super().__init__(daemon=True)
        self.topic, self.rng, self.done = topic, random.Random(seed), threading.Event()
        self.values, self.tombstones = collections.defaultdict(list), 0
        self.file = open(path, "wb", buffering=0)
        self.file.write(b"id,v\n")
        self.next = 0
        self.add(KEYS)

    def add(self, count):
        lines = []
        for _ in range(count):
            key = self.next if self.next < KEYS else self.rng.randrange(KEYS)
            self.values[key].append(self.next)
            lines.append("%d,%d\n" % (key, self.next))
            self.next += 1
        self.file.write("".join(lines).encode())

    def delete(self, count):
        keys = "".join("%d\t\n" % self.rng.randrange(KEYS) for _ in range(count))
        subprocess.run([*KCAT, "-P", "-Z", "-K", "\t", "-t", self.topic, "-p", "0"], input=keys, text=True, check=True)
        self.tombstones += count

    def run(self):
        while not self.done.is_set():
            self.add(self.rng.randrange(1, 80))
            self.delete(self.rng.randrange(1, 40))
            time.sleep(0.01)


def pipeline(name, csv):
    return {
        "name": name,
        "kafka": {"bootstrap.servers": ENV["KAFKA_BOOTSTRAP_SERVERS"], "session.timeout.ms": str(int(SESSION_S * 1000)),
                  "heartbeat.interval.ms": "300"},
        "sources": {"in": {"connector": "file", "path": csv, "topic": name, "key.fields": ["id"], "topic.partitions": 1,
                           "commit.interval.ms": "20", "scan.interval.ms": "50"}},
        "sinks": {"out": {"connector": "postgres", "topics": [name], "connection.url": ENV["DATABASE_URL"],
                          "batch.size": 200, "table": name, "key.fields": ["id"], "auto.create": True}},
    }


def messages(topic):
    """Key of each message, and whether it is a row; what was committed, in the order of the topic."""
    p = subprocess.run([*KCAT, "-C", "-t", topic, "-e", "-o", "beginning", "-X", "isolation.level=read_committed",
                        "-f", "%k %S\n"], capture_output=True, text=True, check=True)
    pairs = (x.split() for x in p.stdout.splitlines())
    return [(int(key), int(size) >= 0) for key, size in pairs]


def expected(topic, values):
    """Rows by the topic's last word on each key, and how many rows and tombstones there are."""
    count, last, tombstones = collections.Counter(), {}, 0
    for key, row in messages(topic):
        count[key] += row
        tombstones += not row
        last[key] = row
    rows = sorted("%d|%d" % (key, values[key][count[key] - 1]) for key, row in last.items() if row)
    return rows, sum(count.values()), tombstones


def wait(seconds, condition):
    end = time.time() + seconds
    while time.time() < end and not condition():
        time.sleep(0.2)


def stored(name):
    """The offset behind the last record that the table has."""
    return sql("SELECT next_offset FROM millrace.offsets WHERE topic = '%s'" % name)


def end_offset(topic):
    p = subprocess.run([*KCAT, "-Q", "-t", "%s:0:-1" % topic], capture_output=True, text=True, check=True)
    return int(p.stdout.split()[-1])


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--kills", type=int, required=True)
    a.add_argument("--pause", type=float, default=1.2, help="longest time between kills, in seconds")
    a.add_argument("--settle", type=float, default=90, help="longest wait for the end, in seconds")
    a.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    o = a.parse_args()
    print("# seed %d" % o.seed, flush=True)
    rng = random.Random(o.seed)
    name = "deletes_%x" % random.randrange(1 << 40)
    csv, conf = os.path.join(TMP, name + ".csv"), os.path.join(TMP, name + ".json")
    feeder = Feeder(csv, name, o.seed)
    with open(conf, "w") as f:
        json.dump(pipeline(name, csv), f, indent=1)
    processes = {"source": Process("source", "in", conf), "sink": Process("sink", "out", conf)}
    for p in processes.values():
        p.start()
    wait(o.settle, lambda: sql("SELECT count(*) FROM %s" % name) == str(KEYS))    # the topic and the table are there
    feeder.start()
    for _ in range(o.kills):
        time.sleep(rng.uniform(0.02, o.pause))
        victim = rng.choice(list(processes.values()))
        victim.kill()
        victim.start()
    feeder.done.set()
    feeder.join()
    wait(o.settle, lambda: expected(name, feeder.values)[1] == feeder.next)
    feeder.delete(5)    # and the last message is no transaction's, so that nothing is behind it
    end = end_offset(name)
    wait(o.settle, lambda: stored(name) == str(end))
    want, rows, tombstones = expected(name, feeder.values)
    have = sorted(sql("SELECT id || '|' || v FROM %s" % name).split())
    good = all([
        tap(rows == feeder.next, "after %d crashes the topic holds each of %d rows once" % (o.kills, feeder.next), rows),
        tap(tombstones == feeder.tombstones, "and each of %d tombstones" % feeder.tombstones, tombstones),
        tap(0 < len(want) < KEYS, "some keys are there and some are not", len(want)),
        compare("the table holds what the topic said last of each key", want, have),
        tap(processes["sink"].stop() == 0, "the sink stops in order on SIGTERM"),
        tap(processes["source"].stop() == 0, "the source stops in order on SIGTERM"),
    ])
    sql("DROP TABLE IF EXISTS %s" % name)
    if not good:
        show_logs(processes)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
