#!/usr/bin/env python3
"""Makes the history that the accounting check settles: the same for a seed.

history.py SEED SALES FILE.csv REVERSALS.json

Sales arrive in no order of dates, in five currencies and four books, with
refunds in part and in full, sales of nothing, amounts finer than the minor unit,
sales that are smaller than their fees, and identifiers that have a meaning in the
files of accounting programs. REVERSALS.json lists what is to be reversed.
"""
import csv
import datetime
import json
import random
import sys
from decimal import Decimal

BOOKS = {
    "bazaar.seoul": {"KRW": 0, "JPY": 0},
    "world_shop": {"USD": 2, "EUR": 2, "KWD": 3},
    "1st-arcade": {"JPY": 0, "KRW": 0},
    "studio.one": {"KRW": 0, "USD": 2},
}
SELLERS = ["seller-1", "seller.1", "seller_1", "1seller", "xn1seller", "seller--1", "s", "9"]
PRODUCTS = ["craft", "food; drink", "note: to self", "=1+1", '"quoted"', "한글", "[2026-01-01]", "a | b", "@home", ":tag:"]
START = datetime.datetime(2026, 1, 5, tzinfo=datetime.timezone.utc)


def main():
    seed, sales, path, reversals = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    r = random.Random(seed)
    rows, reverse = [], []
    for n in range(sales):
        book = r.choice(list(BOOKS))
        currency = r.choice(list(BOOKS[book]))
        exponent = BOOKS[book][currency]
        kind = r.random()
        if kind < 0.02:
            amount = Decimal(0)
        elif kind < 0.10:  # less than the fees, perhaps
            amount = Decimal(r.randint(1, 60)).scaleb(-exponent)
        elif kind < 0.18:  # finer than the minor unit, up to four digits
            finer = exponent + r.randint(1, 4)
            amount = Decimal(r.randint(1, 10 ** (finer + 4))).scaleb(-finer)
        else:
            amount = Decimal(r.randint(100, 5_000_000)).scaleb(-exponent)
        at = START + datetime.timedelta(seconds=r.randrange(85 * 86400))
        number = f"{n:05d}"
        row = {
            "id": r.choice([f"S-{number}", f"S{number}; comment: x", f"한-{number}", f"=S({number})", f'"S" {number}  #t ^l']),
            "at": at.isoformat().replace("+00:00", "Z"), "book": book, "kind": "sale", "currency": currency, "amount": f"{amount:f}",
            "seller": r.choice(SELLERS), "affiliate": r.choice(["", "", "blog--a", "blog_a"]),
            "method": r.choice(["card", "wallet"]), "product": r.choice(PRODUCTS),
            "quantity": r.choice(["", 2, 10]), "vat": r.choice(["", "0.1", "0.075"]), "grade": r.choice(["", "small", "general"]), "refund_of": "",
        }
        rows.append(row)
        left, fate = amount, r.random()
        if amount == 0:
            continue
        if fate < 0.10:  # given back in parts, the last of which may take all that is left
            for part in range(r.randint(1, 3)):
                # Whole minor units of what is left, or all of it.
                back = (left * r.randint(1, 100) / 100).quantize(Decimal(1).scaleb(-exponent), rounding="ROUND_DOWN")
                if back == 0 or r.random() < 0.3:
                    back = left
                if back == 0:
                    break
                left -= back
                days = datetime.timedelta(days=r.randint(0, 20))
                rows.append(dict(row, id=f"R{part}-{row['id']}", at=(at + days).isoformat().replace("+00:00", "Z"), kind="refund", amount=f"{-back:f}", refund_of=row["id"]))
        elif fate < 0.12:  # a refund that names nothing
            rows.append(dict(row, id=f"U-{row['id']}", kind="refund", amount=f"{-amount:f}"))
        elif fate < 0.16:
            if fate < 0.14:  # nothing is left on its seller's account
                row["seller"] = f"gone-{n}"
            reverse.append({"book": book, "target": row["id"], "id": f"V-{row['id']}", "at": row["at"], "reason": f"sent by mistake: {number} [twice]; see \"mail\""})
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    with open(reversals, "w", encoding="utf-8") as file:
        json.dump(reverse, file)
    print(f"{sales} sales, {len(rows) - sales} refunds, {len(reverse)} reversals to come")


main()
