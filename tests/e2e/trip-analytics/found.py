#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The three collections of examples/trip-analytics, written as expected.py writes the three tables.

    found.py <database> <folder>

Types count: an id that is no UUID, a time that is no date or a number that is no double does not look as it should.
"""
import datetime
import os
import sys
import uuid

import pymongo
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions

COLUMNS = {
    "high_value_trips": ("trip_id pickup_datetime dropoff_datetime trip_distance fare_amount tip_amount total_amount "
                         "payment_type pickup_zone dropoff_zone"),
    "trip_duration_analysis": "trip_id pickup_datetime dropoff_datetime duration_minutes duration_class",
    "distance_to_fare_ratio": "trip_id trip_distance fare_amount fare_per_distance",
}
TEXTS = {"payment_type", "pickup_zone", "dropoff_zone", "duration_class"}


def shown(name, value):
    wanted = (uuid.UUID if name == "trip_id" else str if name in TEXTS else datetime.datetime if name.endswith("_datetime")
              else float)
    if value is None:
        return "\\N"
    if not isinstance(value, wanted):
        return f"{value!r} is no {wanted.__name__}"
    return repr(value).removesuffix(".0") if wanted is float else str(value)


def main():
    database, folder = sys.argv[1:3]
    options = CodecOptions(uuid_representation=UuidRepresentation.STANDARD)
    for collection, columns in COLUMNS.items():
        found = pymongo.MongoClient(os.environ["MONGODB_URI"])[database].get_collection(collection, options).find()
        rows = sorted([shown(name, document.get(name)) for name in columns.split()] for document in found)
        with open(os.path.join(folder, collection), "w", encoding="utf-8") as out:
            out.writelines("|".join(row) + "\n" for row in rows)


main()
