#!/usr/bin/env python3
"""Holds what accounting programs computed against the read models, to the last
digit: compare.py DIRECTORY

The directory has balances.json (balances.py), hledger.csv and ledger.txt (the
balances that the programs printed), ledger.beancount, rows.jsonl and rows.csv;
february-BOOK.csv are the balances by hledger of a book's month with its opening
balances, which must be those of all rows up to the end of the month. Every kind of
entry must be there.
"""
import collections
import csv
import glob
import json
import os
import re
import sys
from decimal import Decimal

from beancount import loader
from beancount.core import data, inventory

ENTRIES = ["settlement", "reversal", "adjustment", "release", "closing", "in two currencies", "giving back a chargeback"]


def part(identifier):
    """An identifier as a part of an account's name; docs/export.md has the rule."""
    name = identifier[0].upper() + identifier[1:] if identifier[:1].isalpha() else "XN" + identifier
    return name.replace(".", "D").replace("_", "U")


def name(book, account):
    owner, purpose, _ = account.split("/")
    root = {"receivable": "Assets", "rounding": "Equity", "fx": "Equity"}.get(purpose, "Liabilities")
    return ":".join([root, part(book), part(owner), part(purpose)])


def read_models(path):
    with open(path, encoding="utf-8") as file:
        rows = json.load(file)
    found = {}
    for book, account, currency, net in rows:
        key = name(book, account), currency
        if key in found:
            raise SystemExit(f"two accounts have the name {key}")
        found[key] = Decimal(net)
    return found


def amounts(text):
    """12.50 USD, -3 KRW"""
    for amount in filter(None, (a.strip() for a in text.split(","))):
        if amount != "0":  # nothing in any commodity
            number, commodity = amount.split(" ")
            yield commodity, Decimal(number)


def hledger(path):
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    return {(account, commodity): number for account, text in rows for commodity, number in amounts(text)}


def ledger(path):
    found, waiting = {}, []
    with open(path, encoding="utf-8") as file:
        for line in file:
            amount, account = re.fullmatch(r"\s*(\S+(?: [A-Z]{3})?)(?:  (\S+))?\n", line).groups()
            waiting.append(amount)
            if account:
                found.update({(account, commodity): number for a in waiting for commodity, number in amounts(a)})
                waiting = []
    return found


def beancount(path):
    entries, faults, _ = loader.load_file(path)
    if faults:
        raise SystemExit(f"beancount: {faults[:3]}")
    balances = {}
    for entry in entries:
        if isinstance(entry, data.Transaction):
            for posting in entry.postings:
                balances.setdefault(posting.account, inventory.Inventory()).add_position(posting)
    return {(account, p.units.currency): p.units.number for account, balance in balances.items() for p in balance}


def rows(records):
    found = {}
    for r in records:
        if r["account"]:
            key = name(r["book"], r["account"]), r["currency"]
            found[key] = found.get(key, 0) + Decimal(r["debit"] or 0) - Decimal(r["credit"] or 0)
    return found


def same_rows(lines, table):
    """CSV holds what the JSON lines hold, but for the apostrophe before what a spreadsheet would compute."""
    if len(lines) != len(table):
        raise SystemExit(f"{len(lines)} JSON lines, {len(table)} rows of CSV")
    for line, row in zip(lines, table):
        for column, value in line.items():
            text = "" if value is None else str(value)
            cell = row[column]
            guarded = cell[1:] if cell.startswith("'") else cell
            if text != guarded:
                raise SystemExit(f"{column}: {text!r} as JSON, {cell!r} as CSV")
            if cell[:1] in "=+-@" and cell != "" and column != "transaction_amount":
                raise SystemExit(f"{column}: {cell!r} would be a formula")


def until(lines, book, date):
    return rows(line for line in lines if line["book"] == book and line["effective_on"] <= date)


def kinds(lines):
    """Counts the entries of each kind, and those with postings in two currencies."""
    entries = collections.defaultdict(set)
    kind = {}
    for line in lines:
        place = line["book"], line["revision"]
        entries[place].add(line["currency"])
        kind[place] = line["kind"]
    found = collections.Counter(kind.values())
    found["in two currencies"] = sum(1 for place, currencies in entries.items() if len(currencies) > 1 and kind[place] == "settlement")
    found["giving back a chargeback"] = len({line["revision"] for line in lines if line["restores_revision"] is not None})
    return found


def main():
    directory = sys.argv[1]
    at = lambda file: os.path.join(directory, file)
    posted = read_models(at("balances.json"))
    with open(at("rows.jsonl"), encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    with open(at("rows.csv"), newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    same_rows(lines, table)
    found = kinds(lines)
    print("  entries: " + ", ".join(f"{found[kind]} {kind}" for kind in ENTRIES))
    faults = sum(1 for kind in ENTRIES if not found[kind])
    for program, expected, found in [
        ("hledger", posted, hledger(at("hledger.csv"))),
        ("ledger", posted, ledger(at("ledger.txt"))),
        ("beancount", posted, beancount(at("ledger.beancount"))),
        ("JSON lines", posted, rows(lines)),
        ("CSV", posted, rows(table)),
    ] + [
        (f"the end of February in {book}", until(lines, book, "2026-02-28"), hledger(path))
        for path in sorted(glob.glob(at("february-*.csv")))
        for book in [os.path.basename(path)[len("february-") : -len(".csv")]]
    ]:
        differing = [k for k in sorted(expected.keys() | found.keys()) if expected.get(k, 0) != found.get(k, 0)]
        for k in differing[:5]:
            print(f"{program}: {k[0]} {k[1]}: {found.get(k, 0)}, expected {expected.get(k, 0)}", file=sys.stderr)
        faults += len(differing) + (not expected)
        print(f"  {program}: {len(expected) - len(differing)} of {len(expected)} balances equal, of which {sum(1 for v in expected.values() if v)} are not zero")
    if faults:
        raise SystemExit(1)


main()
