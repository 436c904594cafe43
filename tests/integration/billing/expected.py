#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What billing and payment must hold for the trips of one day, from the trips alone.

    expected.py <drivers> <trips>

drivers: lines of driver_id|payment_method; trips: lines of driver_id|total_amount. Writes, by driver,
driver_id|rides|sum of total_amount|sum x 0.8|payment_method, exactly, with two and four digits after the point.
"""
import sys
from collections import defaultdict
from decimal import Decimal

method = dict(line.rstrip("\n").split("|") for line in open(sys.argv[1], encoding="utf-8"))
rides, amount = defaultdict(int), defaultdict(Decimal)
for line in open(sys.argv[2], encoding="utf-8"):
    driver, total = line.rstrip("\n").split("|")
    rides[driver] += 1
    amount[driver] += Decimal(total)
for driver in sorted(rides, key=int):
    print(driver, rides[driver], f"{amount[driver]:.2f}", f"{amount[driver] * Decimal('0.8'):.4f}", method[driver], sep="|")
