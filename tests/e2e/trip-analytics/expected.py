#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the three tables of examples/trip-analytics must hold, computed from the CSV alone.

    expected.py <trips.csv> <folder> [--tlc] [--high 50] [--short 10] [--long 30]

Writes one file per table, in the form of `psql -At`: columns parted by |, null as \\N, sorted by id. Nothing of
millrace is used: ids by Python's uuid, lines by its csv, doubles in their shortest form as PostgreSQL prints them.
"""
import argparse
import csv
import datetime
import json
import os
import uuid

EPOCH = datetime.datetime(1970, 1, 1)
PAYMENTS = {1: "credit card", 2: "cash", 3: "no charge", 4: "dispute"}


def micros(text):
    return (datetime.datetime.fromisoformat(text) - EPOCH) // datetime.timedelta(microseconds=1) if text else None


def long(text):
    return int(text) if text else None


def double(text):
    return float(text) if text else None


def words(text):
    return text or None


def trip_id(values):
    return str(uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(values, separators=(",", ":"), ensure_ascii=False)))


TAXI = [("pickup", micros), ("dropoff", micros), ("passengers", long), ("distance", double), ("fare", double),
        ("tip", double), ("tolls", double), ("total", double), ("color", words), ("payment", words),
        ("pickup_zone", words), ("dropoff_zone", words), ("pickup_borough", words), ("dropoff_borough", words)]
TLC = [("VendorID", long), ("tpep_pickup_datetime", micros), ("tpep_dropoff_datetime", micros),
       ("passenger_count", long), ("trip_distance", double), ("PULocationID", long), ("DOLocationID", long),
       ("payment_type", long), ("fare_amount", double), ("tip_amount", double), ("tolls_amount", double),
       ("total_amount", double)]


def taxi_trip(line):
    return {"id": trip_id([of(line[name]) for name, of in TAXI]), "pickup": line["pickup"], "dropoff": line["dropoff"],
            "distance": double(line["distance"]), "fare": double(line["fare"]), "tip": double(line["tip"]),
            "total": double(line["total"]), "payment": words(line["payment"]), "from": words(line["pickup_zone"]),
            "to": words(line["dropoff_zone"])}


def tlc_trip(line):
    return {"id": trip_id([of(line[name]) for name, of in TLC]), "pickup": line["tpep_pickup_datetime"],
            "dropoff": line["tpep_dropoff_datetime"], "distance": double(line["trip_distance"]),
            "fare": double(line["fare_amount"]), "tip": double(line["tip_amount"]),
            "total": double(line["total_amount"]), "payment": PAYMENTS.get(long(line["payment_type"])),
            "from": words(line["PULocationID"]), "to": words(line["DOLocationID"])}


def shown(value):
    if value is None:
        return "\\N"
    text = repr(value) if isinstance(value, float) else str(value)
    return text[:-2] if isinstance(value, float) and text.endswith(".0") else text


def write(folder, table, rows):
    with open(os.path.join(folder, table), "w", encoding="utf-8") as out:
        for row in sorted(rows):
            out.write("|".join(row) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("csv")
    parser.add_argument("folder")
    parser.add_argument("--tlc", action="store_true")
    parser.add_argument("--high", type=float, default=50)
    parser.add_argument("--short", type=float, default=10)
    parser.add_argument("--long", type=float, default=30)
    args = parser.parse_args()
    high, durations, ratios = [], [], []
    with open(args.csv, newline="", encoding="utf-8") as lines:
        for line in csv.DictReader(lines):
            t = (tlc_trip if args.tlc else taxi_trip)(line)
            minutes = (micros(t["dropoff"]) - micros(t["pickup"])) / 60000000
            kind = "short" if minutes < args.short else "medium" if minutes < args.long else "long"
            durations.append([shown(v) for v in (t["id"], t["pickup"], t["dropoff"], minutes, kind)])
            ratio = t["fare"] / t["distance"] if t["distance"] else None
            ratios.append([shown(v) for v in (t["id"], t["distance"], t["fare"], ratio)])
            if t["total"] > args.high:
                high.append([shown(t[name]) for name in ("id", "pickup", "dropoff", "distance", "fare", "tip", "total",
                                                         "payment", "from", "to")])
    write(args.folder, "high_value_trips", high)
    write(args.folder, "trip_duration_analysis", durations)
    write(args.folder, "distance_to_fare_ratio", ratios)


main()
