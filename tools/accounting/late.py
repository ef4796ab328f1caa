#!/usr/bin/env python3
"""Makes what comes after a sale, for the accounting check: the same for a seed.

late.py SEED SALES DIRECTORY

The directory gets one folder of steps, in the order of their names: NN.csv is to be
settled, then NN.json adjusts, then the book comes to the date in NN.date. Money is held and
released on the way, months end, sellers are paid in another currency than buyers
pay, sales are refunded, charged back, disputed with success, and voided; refunds
and voids come before their sales, and sales weeks late.
"""
import csv
import datetime
import json
import os
import random
import sys
from decimal import Decimal

EXPONENTS = {"USD": 2, "KRW": 0}
SELLERS = ["stall-1", "stall.2", "stall_3", "4th-stall", "stall-5"]
START = datetime.date(2026, 1, 5)
COLUMNS = ["id", "at", "kind", "currency", "amount", "seller", "mid", "of", "why"]


class Sale:
    """What may still be given back of a sale."""

    def __init__(self, row, on):
        self.row, self.on = row, on
        self.left = Decimal(row["amount"])
        self.touched = False  # something has named it
        self.disputes = []  # chargebacks: row and what may be given back of them


class History:
    def __init__(self, seed, sales):
        self.r = random.Random(seed)
        self.left, self.number = sales, 0
        self.sales = []
        self.waiting = []  # sales that something has come before
        self.count = dict.fromkeys(["sale", "late sale", "refund", "chargeback", "dispute_won", "void", "early refund", "early void", "adjustment"], 0)

    def moment(self, on):
        """In the hours when the date is the same in Seoul."""
        at = datetime.datetime.combine(on, datetime.time(), datetime.timezone.utc) + datetime.timedelta(seconds=self.r.randrange(14 * 3600))
        return at.isoformat().replace("+00:00", "Z")

    def row(self, kind, on, sale=None, **values):
        self.number += 1
        base = dict.fromkeys(COLUMNS, "")
        if sale:
            base.update(currency=sale["currency"], seller=sale["seller"])
        base.update(id=f"{kind[0].upper()}-{self.number:05d}", at=self.moment(on), kind=kind)
        base.update(values)
        return base

    def part(self, left, currency):
        """Whole minor units of what is left, or all of it."""
        unit = Decimal(1).scaleb(-EXPONENTS[currency])
        part = (left * self.r.randint(1, 100) / 100).quantize(unit, rounding="ROUND_DOWN")
        return left if part == 0 or self.r.random() < 0.3 else part

    def sale(self, on):
        currency = self.r.choice(list(EXPONENTS))
        exponent = EXPONENTS[currency]
        amount = Decimal(self.r.randint(500, 90_000_000 if exponent == 0 else 900_000)).scaleb(-exponent)
        self.count["sale"] += 1
        mid = f"{self.r.randint(1250000, 1450000) / 1000:.3f}" if currency == "USD" else ""
        return self.row("sale", on, currency=currency, amount=f"{amount:f}", seller=self.r.choice(SELLERS), mid=mid)

    def give_back(self, sale, on):
        kind = self.r.choice(["refund", "refund", "chargeback"])
        amount = self.part(sale.left, sale.row["currency"])
        sale.left -= amount
        sale.touched = True
        self.count[kind] += 1
        # A refund at another rate than that of its sale.
        mid = "1399.9" if sale.row["currency"] == "USD" and self.r.random() < 0.3 else ""
        row = self.row(kind, on, sale.row, amount=f"{-amount:f}", of=sale.row["id"], mid=mid)
        yield row
        if self.r.random() < 0.1:  # it was sent by mistake, and is the newest of its sale
            sale.left += amount
            self.count["void"] += 1
            yield self.row("void", on, row, of=row["id"], why="mistake; [twice]: \"mail\"")
        else:  # what it rests on is lost for good: only the newest is given back
            sale.disputes = [[row, amount]] if kind == "chargeback" else []

    def won(self, sale, on):
        dispute = sale.disputes[-1]
        amount = self.part(dispute[1], sale.row["currency"])
        dispute[1] -= amount
        if dispute[1] == 0:
            sale.disputes.pop()
        sale.left += amount
        self.count["dispute_won"] += 1
        return self.row("dispute_won", on, sale.row, amount=f"{amount:f}", of=dispute[0]["id"])

    def early(self, on):
        """A refund or a void whose sale is still to come."""
        row = self.sale(on)
        sale = Sale(row, on)
        sale.touched = True
        if self.r.random() < 0.5:
            amount = self.part(sale.left, row["currency"])
            sale.left -= amount
            self.count["early refund"] += 1
            self.waiting.append((row, sale))
            return self.row("refund", on, row, amount=f"{-amount:f}", of=row["id"])
        self.count["early void"] += 1
        self.waiting.append((row, None))
        return self.row("void", on, row, of=row["id"])

    def step(self, first, last, sales):
        """What arrives while a book goes from one business date to another."""
        days = (last - first).days
        rows = []
        for row, sale in self.waiting:
            rows.append(row)
            if sale:
                self.sales.append(sale)
        self.waiting = []
        for _ in range(sales):
            on = first + datetime.timedelta(days=self.r.randrange(days))
            if self.r.random() < 0.05:
                on = max(START, on - datetime.timedelta(days=self.r.randint(10, 45)))
                self.count["late sale"] += 1
            row = self.sale(on)
            rows.append(row)
            if self.r.random() < 0.03:
                self.count["void"] += 1
                rows.append(self.row("void", on, row, of=row["id"]))
            else:
                self.sales.append(Sale(row, on))
            if self.r.random() < 0.03:
                rows.append(self.early(on))
        on = last - datetime.timedelta(days=1)
        for sale in self.sales:
            if sale.disputes and self.r.random() < 0.3:
                rows.append(self.won(sale, on))
        for sale in self.r.sample(self.sales, min(len(self.sales), sales // 4)):
            if sale.left > 0:
                rows.extend(self.give_back(sale, on))
        for sale in self.r.sample(self.sales, min(len(self.sales), 3)):
            if not sale.touched and self.r.random() < 0.5:  # taken back long after, released or not
                self.sales.remove(sale)
                self.count["void"] += 1
                rows.append(self.row("void", on, sale.row, of=sale.row["id"], why="fraud"))
        return rows

    def adjustments(self, on):
        for _ in range(self.r.randint(0, 2)):
            self.count["adjustment"] += 1
            self.number += 1
            currency = self.r.choice(list(EXPONENTS))
            amount = f"{Decimal(self.r.randint(1, 30000)).scaleb(-EXPONENTS[currency]):f}"
            owner = self.r.choice(SELLERS)
            sides = ["debit", "credit"]
            self.r.shuffle(sides)
            legs = [
                {"account": f"platform/payable/{currency}", sides[0]: amount},
                {"account": f"{owner}/payable/{currency}", sides[1]: amount},
            ]
            if self.r.random() < 0.4:  # held for a while; what is taken is taken of what is held
                legs[1].update(account=f"{owner}/reserve/{currency}", hold_until=(on + datetime.timedelta(days=self.r.randint(1, 30))).isoformat(), into="payable")
            adjustment = {
                "source": "by-hand", "external_id": f"ADJ-{self.number}", "book": "late.market", "content_hash": f"1:{self.number:032x}",
                "reason": f"goodwill; see: [{self.number}]", "occurred_at": self.moment(on), "effective_on": on.isoformat(), "postings": legs,
            }
            if self.r.random() < 0.5 and self.sales:
                adjustment["adjusts"] = {"source": "late-feed", "external_id": self.r.choice(self.sales).row["id"]}
            yield adjustment


def main():
    seed, sales, directory = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    h = History(seed, sales)
    os.makedirs(directory)
    first, steps = START, 14
    for n in range(steps + 1):
        last = first + datetime.timedelta(days=h.r.randint(3, 9))
        rows = h.step(first, last, sales // steps if n < steps else 1)
        at = os.path.join(directory, f"{n:02d}")
        with open(at + ".csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
        with open(at + ".json", "w", encoding="utf-8") as file:
            json.dump(list(h.adjustments(last - datetime.timedelta(days=1))), file)
        with open(at + ".date", "w", encoding="utf-8") as file:
            print(last.isoformat(), file=file)
        first = last
    print(", ".join(f"{n} {kind}s" for kind, n in h.count.items()).replace("dispute_wons", "disputes won"))
    if not all(h.count.values()) or h.waiting:
        raise SystemExit("not every kind is in this history: take another seed, or more sales")


main()
