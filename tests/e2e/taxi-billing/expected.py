#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What trips, billing and payment of examples/taxi-billing must hold, from the collection alone.

    expected.py <database> trips                     -> the rows of trips, as psql -At prints them in UTC, by trip_info
    expected.py <database> bills <driver methods>    -> driver|rides|sum|sum x 0.8|method, by driver

Read by pymongo, computed by Python's decimal: nothing of millrace is used. Riders whom the ledger does not
know are left out.
"""
import os
import sys
from collections import defaultdict
from decimal import Decimal

import pymongo

COLUMNS = ("RIDER_ID RIDER_NAME RIDER_EMAIL RIDER_MOBILE tripinfo PICKUP_DATETIME DRIVER_ID DRIVER_NAME DRIVER_EMAIL DRIVER_MOBILE "
           "VEHICLE_ID CAB_TYPE_ID VENDOR_ID TRIP_TYPE PICKUP_LONGITUDE PICKUP_LATITUDE STORE_AND_FWD_FLAG DROPOFF_DATETIME "
           "DROPOFF_LONGITUDE DROPOFF_LATITUDE RATE_CODE PASSENGER_COUNT TRIP_DISTANCE FARE_AMOUNT EXTRA MTA_TAX TIP_AMOUNT "
           "TOLLS_AMOUNT IMPROVEMENT_SURCHARGE TOTAL_AMOUNT PAYMENT_TYPE").split()
EXACT = {"TRIP_DISTANCE", "FARE_AMOUNT", "EXTRA", "MTA_TAX", "TIP_AMOUNT", "TOLLS_AMOUNT", "IMPROVEMENT_SURCHARGE",
         "TOTAL_AMOUNT"}


def shown(name, value):
    if name in EXACT:
        return f"{value.to_decimal():.2f}"
    if name.endswith("_DATETIME"):
        return value.replace("T", " ").replace("Z", "+00")
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return str(value)


def main():
    database, what = sys.argv[1:3]
    trips = pymongo.MongoClient(os.environ["MONGODB_URI"])[database]["aws-db-workshop-trips"]
    completed = list(trips.find({"STATUS": "Completed", "RIDER_ID": {"$gte": 71400, "$lt": 71500}}))
    if what == "trips":
        for trip in sorted(completed, key=lambda t: t["tripinfo"].encode()):
            print("|".join(shown(name, trip[name]) for name in COLUMNS))
        return
    method = dict(line.rstrip("\n").split("|") for line in open(sys.argv[3], encoding="utf-8"))
    rides, amount = defaultdict(int), defaultdict(Decimal)
    for trip in completed:
        rides[trip["DRIVER_ID"]] += 1
        amount[trip["DRIVER_ID"]] += trip["TOTAL_AMOUNT"].to_decimal()
    for driver in sorted(rides):
        print(driver, rides[driver], f"{amount[driver]:.2f}", f"{amount[driver] * Decimal('0.8'):.4f}", method[str(driver)], sep="|")


main()
