#!/usr/bin/env python3
"""Recomputes what the ends of months posted from the rows of the export alone:
periods.py ROWS.jsonl

It knows the contract late-sellers of terms.yaml in its own words: a plan unless the month's
volume reaches a threshold, a bonus of half a per cent on the volume less what was missing the
month before. The volume is what came before the month was closed, in the log's order.
"""
import json
import sys
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal

PLAN = {"KRW": Decimal(30000), "USD": Decimal(25)}
WAIVED_FROM = {"KRW": Decimal(300000000), "USD": Decimal(50000)}
UNIT = {"KRW": Decimal(1), "USD": Decimal("0.01")}


def events(path):
    """The rows of each event of the book, in order."""
    found = defaultdict(list)
    with open(path, encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            if row["book"] == "late.market":
                found[row["revision"]].append(row)
    return sorted(found.items())


def expected(volume, missing, currency):
    """Plan, bonus and what is missing, from the volume and what was missing before."""
    counted = volume + missing
    plan = PLAN[currency] if volume < WAIVED_FROM[currency] else Decimal(0)
    bonus = (max(Decimal(0), counted) / 200).quantize(UNIT[currency], ROUND_HALF_UP)
    return plan, bonus, min(Decimal(0), counted - WAIVED_FROM[currency])


def main():
    volumes, missing = defaultdict(Decimal), defaultdict(Decimal)
    counted = {}  # by revision: where a transaction was counted, and how much
    closings = nonzero = faults = 0
    for revision, rows in events(sys.argv[1]):
        first = rows[0]
        if first["kind"] == "settlement":
            seller = dict(p.split("=", 1) for p in first["parties"].split(" "))["seller"]
            key = seller, first["transaction_currency"], first["effective_on"][:7]
            counted[revision] = key, Decimal(first["transaction_amount"])
            volumes[key] += counted[revision][1]
        elif first["kind"] == "reversal":
            key, amount = counted[first["reverses_revision"]]
            volumes[key] -= amount
        elif first["kind"] == "closing":
            _, _, month, currency, key = first["counter"].split("/")
            seller = key.removeprefix("seller=")
            plan, bonus, short = expected(volumes[seller, currency, month], missing[seller, currency, month], currency)
            year, number = int(month[:4]), int(month[5:])
            missing[seller, currency, f"{year + number // 12}-{number % 12 + 1:02d}"] += short
            posted = defaultdict(Decimal)
            for row in rows:
                posted[row["rule"]] += Decimal(row["debit"] or 0)
            found = posted["month.plan"], posted["month.bonus"]
            closings += 1
            nonzero += bonus > 0
            if found != (plan, bonus) or first["window_first"] != month + "-01":
                faults += 1
                print(f"{first['counter']}: plan and bonus are {plan} and {bonus}, posted is {found[0]} and {found[1]}", file=sys.stderr)
    print(f"  {closings} windows, of which {nonzero} with a bonus, {faults} differ")
    if faults or not closings or not nonzero:
        raise SystemExit(1)


main()
