#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Crashes in the middle of a run, and what must come of it.

A CSV file grows while a source process and a sink process carry it through Kafka into three PostgreSQL tables. Meanwhile
processes are killed with SIGKILL at random moments and started again. In the end each table must hold exactly what
this program computes from the lines it wrote, and the dead-letter topic the lines that are bad.

    crashes.py --kills 20 --victims source,sink          kill -9 of our own processes
    crashes.py --kills 4 --victims kafka,postgres,both   kill -9 of the servers (docker/stack kill, then up)
    crashes.py --kills 4 --victims source-zombie,sink-zombie
        SIGSTOP until another process has taken over, then SIGCONT: both believe that the work is theirs

Prints TAP lines. The random seed is printed and can be given again with --seed.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import threading
import time

from harness import ENV, SESSION_S, TMP, Process, compare, server, show_logs, tap


def sql(text):
    """Waits for the server when it is away: it may just have been killed."""
    for _ in range(600):
        p = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", ENV["DATABASE_URL"], "-c", text],
                           capture_output=True, text=True)
        if p.returncode == 0:
            return p.stdout.strip()
        if "does not exist" in p.stderr:
            return ""
        time.sleep(0.1)
    raise RuntimeError(p.stderr)


class Feeder(threading.Thread):
    """Appends lines to the file, some in two halves, a few of them bad; keeps what must come of them."""

    def __init__(self, path, seed):
        super().__init__(daemon=True)
        self.path, self.rng, self.done = path, random.Random(seed), threading.Event()
        self.rows, self.bad = [], []
        self.file = open(path, "wb", buffering=0)
        self.file.write(b"trip,rider,note,miles,total\n")
        self.next = 0
        for _ in range(200):    # enough to infer the types from, and only good ones
            self.file.write(self.good())

    def good(self):
        i, rng = self.next, self.rng
        self.next += 1
        note = rng.choice(["plain", "with, comma", 'with "quotes"', "ünï", "", "two\nlines"])
        row = (i, i % 500, note, round(rng.uniform(0, 30), 2), round(rng.uniform(2.5, 120), 2))
        self.rows.append(row)
        text = '"%s"' % note.replace('"', '""') if note else ""
        return ("%d,%d,%s,%.2f,%.2f\n" % (row[0], row[1], text, row[3], row[4])).encode()

    def line(self):
        if self.rng.random() < 0.002:
            text = "%d,too,few" % self.next
            self.next += 1
            self.bad.append(text)
            return (text + "\n").encode()
        return self.good()

    def run(self):
        while not self.done.is_set():
            block = b"".join(self.line() for _ in range(self.rng.randrange(1, 120)))
            cut = self.rng.randrange(len(block)) if self.rng.random() < 0.3 else len(block)
            self.file.write(block[:cut])
            time.sleep(0.01)
            self.file.write(block[cut:])
            time.sleep(0.01)


def pipeline(name, csv):
    query = "SELECT trip, rider, note, miles, total FROM record"
    return {
        "name": name,
        "kafka": {"bootstrap.servers": ENV["KAFKA_BOOTSTRAP_SERVERS"], "session.timeout.ms": str(int(SESSION_S * 1000)),
                  "heartbeat.interval.ms": "300"},
        "sources": {"in": {"connector": "file", "path": csv, "topic": name, "key.fields": ["trip"],
                           "commit.interval.ms": "20", "scan.interval.ms": "50"}},
        "sinks": {"out": {"connector": "postgres", "topics": [name], "connection.url": ENV["DATABASE_URL"],
                          "batch.size": 700,
                          "routes": [
                              {"query": query, "table": name + "_log", "insert.mode": "insert", "auto.create": True},
                              {"query": query, "table": name + "_trips", "key.fields": ["trip"], "auto.create": True},
                              {"query": "SELECT rider, trip, total / 2 AS half FROM record WHERE total > 50",
                               "table": name + "_riders", "key.fields": ["rider", "trip"], "auto.create": True},
                          ]}},
    }


def expected(rows):
    log = sorted("%d|%d|%s|%.2f|%.2f" % (t, r, n, m, x) for t, r, n, m, x in rows)
    riders = sorted("%d|%d|%.3f" % (r, t, x / 2) for t, r, n, m, x in rows if x > 50)
    return log, log, riders


def found(name):
    cols = ("SELECT trip || '|' || rider || '|' || coalesce(note, '') || '|' || to_char(miles, 'FM990.00') || '|' || "
            "to_char(total, 'FM990.00') FROM %s_%s")

    def rows(query):
        # One JSON text per row: notes hold line breaks.
        return sorted(json.loads(x)[0] for x in sql("SELECT json_build_array(x.t) FROM (%s) x(t)" % query).splitlines())
    return (rows(cols % (name, "log")), rows(cols % (name, "trips")),
            rows("SELECT rider || '|' || trip || '|' || to_char(half, 'FM990.000') FROM %s_riders" % name))


def dead_letters(name):
    p = subprocess.run(["kcat", "-b", ENV["KAFKA_BOOTSTRAP_SERVERS"], "-C", "-t", name + ".in.dlq", "-e", "-q",
                        "-X", "isolation.level=read_committed", "-o", "beginning"], capture_output=True, text=True)
    return sorted(x for x in p.stdout.splitlines() if x)


def crash(rng, victims, processes):
    """One crash; the victims are started again at once."""
    victim = rng.choice(victims)
    if victim.endswith("-zombie"):
        processes[victim[:-len("-zombie")]].replace(rng)
    elif victim in processes:
        processes[victim].kill()
        processes[victim].start()
    else:
        which = ["kafka", "postgres"] if victim == "both" else [victim]
        server("kill", which)
        time.sleep(rng.uniform(0, 1))
        server("up", which)


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--kills", type=int, required=True)
    a.add_argument("--victims", default="source,sink")
    a.add_argument("--pause", type=float, default=0.6, help="longest time between kills, in seconds")
    a.add_argument("--settle", type=float, default=90, help="longest wait for the end, in seconds")
    a.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    o = a.parse_args()
    print("# seed %d" % o.seed, flush=True)
    rng = random.Random(o.seed)
    name = "crash_%x" % random.randrange(1 << 40)
    csv, conf = os.path.join(TMP, name + ".csv"), os.path.join(TMP, name + ".json")
    feeder = Feeder(csv, o.seed)
    with open(conf, "w") as f:
        json.dump(pipeline(name, csv), f, indent=1)
    processes = {"source": Process("source", "in", conf), "sink": Process("sink", "out", conf)}
    for p in processes.values():
        p.start()
    feeder.start()
    victims = o.victims.split(",")
    for _ in range(o.kills):
        time.sleep(rng.uniform(0.02, o.pause))
        crash(rng, victims, processes)
    feeder.done.set()
    feeder.join()
    want = expected(feeder.rows)
    end = time.time() + o.settle
    while time.time() < end and sql("SELECT count(*) FROM %s_log" % name) != str(len(want[0])):
        time.sleep(0.2)
    have = found(name)
    good = all([
        compare("after %d crashes (%s) the append-only table holds each of %d rows once" %
                (o.kills, o.victims, len(want[0])), want[0], have[0]),
        compare("the upserted table is the same", want[1], have[1]),
        compare("the table of the query with a condition is the same", want[2], have[2]),
        compare("the %d bad lines are dead letters, once each" % len(feeder.bad), sorted(feeder.bad), dead_letters(name)),
        tap(processes["sink"].stop() == 0, "the sink stops in order on SIGTERM"),
        tap(processes["source"].stop() == 0, "the source stops in order on SIGTERM"),
    ])
    for table in ("log", "trips", "riders"):
        sql("DROP TABLE IF EXISTS %s_%s" % (name, table))
    if not good:
        show_logs(processes)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
