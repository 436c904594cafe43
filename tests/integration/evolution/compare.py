# SPDX-License-Identifier: Apache-2.0
"""compare.py <expected.json> <rows.jsonl>: are the table's rows those that were written?"""
import decimal
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    expected = json.load(file)
with open(sys.argv[2], encoding="utf-8") as file:
    found = [json.loads(line, parse_float=decimal.Decimal) for line in file]


def plain(name, value):
    if name == "d":
        return None if value is None else decimal.Decimal(value)
    return float(value) if name == "f" else value


def row_of(row):
    return {name: plain(name, value) for name, value in row.items()}


wrong = 0
if [row["id"] for row in expected] != [row["id"] for row in found]:
    missing = {row["id"] for row in expected} - {row["id"] for row in found}
    more = {row["id"] for row in found} - {row["id"] for row in expected}
    sys.exit(f"missing: {sorted(missing)[:10]}; not to be there: {sorted(more)[:10]}")
for should, row in zip(expected, found):
    if row_of(should) != row_of(row):
        wrong += 1
        names = [name for name in should if row_of(should)[name] != row_of(row).get(name)]
        print(f"row {row['id']}: {[(name, should[name], row.get(name)) for name in names]}", file=sys.stderr)
if wrong or not expected:
    sys.exit(f"{wrong} of {len(expected)} rows are wrong")
