# SPDX-License-Identifier: Apache-2.0
"""Random CSV files and what they hold, for test_against_python.c.

    model.py SEED COUNT FOLDER

writes FOLDER/<n>.csv and FOLDER/<n>.want. A .want file starts with the delimiter's code, then has
one line per event: "R<line> <field>..." for a record, fields in hex with a dot before each, or
"B<line>" for a bad line. Well-formed files are read by Python's own csv module; damaged ones by a
character-by-character model of the rules in connectors/codec/csv.h, written apart from it.
"""
import csv
import random
import sys

ALPHABET = ["a", "b", " ", "'", "é", "€", "😀", "0", "-1.5", "long text " * 8]


def split_lines(text):
    lines = text.split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def random_field(rnd, delimiter):
    parts = ALPHABET + [delimiter, '"', "\n", "\r\n", "\r", '""']
    return "".join(rnd.choice(parts) for _ in range(rnd.choice([0, 1, 1, 2, 5])))


class Text(list):
    write = list.append


def well_formed(rnd, delimiter):
    out = Text()
    end = rnd.choice(["\n", "\r\n"])
    quoting = rnd.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
    for _ in range(rnd.randrange(60)):
        row = [random_field(rnd, delimiter) for _ in range(rnd.randrange(1, 8))]
        # The module leaves a lone CR unquoted, and then can not read it back.
        safe = csv.QUOTE_ALL if any("\r" in f for f in row) else quoting
        csv.writer(out, delimiter=delimiter, quoting=safe, lineterminator=end).writerow(row)
        if rnd.random() < 0.1:
            out.append(end)
    text = "".join(out)
    return text[: -len(end)] if rnd.random() < 0.5 else text


def read_with_module(text, delimiter):
    reader = csv.reader(split_lines(text), delimiter=delimiter, strict=True)
    start = 1
    for row in reader:
        if row:
            yield ("R", start, row)
        start = reader.line_num + 1


def damaged(rnd, delimiter):
    parts = ["a", "bc", delimiter, delimiter, '"', '"', "\n", "\n", "\r\n", "\r", '""', "é"]
    return "".join(rnd.choice(parts) for _ in range(rnd.randrange(200)))


def one_record(text, at, delimiter):
    """The fields of the record at `at` and where the next one starts; None: it is malformed."""
    fields, field, i, n = [], "", at, len(text)
    while True:
        if i < n and text[i] == '"' and field == "" and (i == at or text[i - 1] in (delimiter,)):
            i += 1
            while True:
                if i >= n:
                    return None, 0
                if text[i] != '"':
                    field += text[i]
                elif i + 1 < n and text[i + 1] == '"':
                    field += '"'
                    i += 1
                else:
                    break
                i += 1
            i += 1
            fields.append(field)
            rest = text[i : i + 2]
            if rest[:1] == delimiter:
                field, i = "", i + 1
                continue
            if rest in ("", "\r") or rest[:1] == "\n" or rest == "\r\n":
                return fields, i + (2 if rest == "\r\n" else 1 if rest else 0)
            return None, 0
        while i < n and text[i] not in (delimiter, "\n"):
            field += text[i]
            i += 1
        if i < n and text[i] == delimiter:
            fields.append(field)
            field, i = "", i + 1
            continue
        fields.append(field[:-1] if field.endswith("\r") else field)
        return fields, i + (1 if i < n else 0)


def read_with_model(text, delimiter):
    at, line = 0, 1
    while at < len(text):
        fields, after = one_record(text, at, delimiter)
        if fields is None:
            stop = text.find("\n", at)
            yield ("B", line, [])
            at, line = (len(text) if stop < 0 else stop + 1), line + 1
            continue
        taken = text[at:after]
        blank = taken in ("\n", "\r\n", "\r")
        if not blank:
            yield ("R", line, fields)
        at, line = after, line + taken.count("\n")


def main():
    seed, count, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    rnd = random.Random(seed)
    for n in range(count):
        delimiter = rnd.choice(",;\t|")
        if n % 2:
            text = damaged(rnd, delimiter)
            events = list(read_with_model(text, delimiter))
        else:
            text = well_formed(rnd, delimiter)
            events = list(read_with_module(text, delimiter))
            if events != list(read_with_model(text, delimiter)):
                sys.exit("the model disagrees with Python's csv module on: %r" % text)
        with open(f"{folder}/{n}.csv", "wb") as out:
            out.write(text.encode())
        with open(f"{folder}/{n}.want", "w", encoding="ascii") as out:
            print(ord(delimiter), file=out)
            for kind, line, fields in events:
                print(kind, line, "".join(" ." + f.encode().hex() for f in fields), sep="", file=out)


main()
