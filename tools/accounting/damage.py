#!/usr/bin/env python3
"""Writes exports with one fault each, which accounting programs must refuse:
damage.py DIRECTORY

one_won_off and two_fifths_of_a_cent_off change one amount of one entry,
wrong_balance one assertion at the end.
"""
import os
import re
import sys
from decimal import Decimal


def change(text, pattern, by):
    """Adds to the first amount that the pattern finds as its second group."""
    found = re.search(pattern, text, re.MULTILINE)
    if not found:
        raise SystemExit(f"nothing to damage: {pattern}")
    number = Decimal(found.group(2)) + Decimal(by)
    return text[: found.start(2)] + f"{number:f}" + text[found.end(2) :]


def main():
    directory = sys.argv[1]
    for name, suffix in (("ledger", "journal"), ("ledger", "beancount")):
        with open(os.path.join(directory, f"{name}.{suffix}"), encoding="utf-8") as file:
            text = file.read()
        posting = r"^( +(?:Assets|Liabilities):\S+ +)(-?[0-9.]+) {}(?=(?:  ;.*)?$)"
        assertion = r"(= )(-?[0-9.]+) KRW$" if suffix == "journal" else r"( balance \S+ +)(-?[0-9.]+) KRW$"
        for fault, damaged in {
            "one_won_off": change(text, posting.format("KRW"), "1"),
            "two_fifths_of_a_cent_off": change(text, posting.format("USD"), "0.004"),
            "wrong_balance": change(text, assertion, "1"),
        }.items():
            with open(os.path.join(directory, f"{fault}.{suffix}"), "w", encoding="utf-8") as file:
                file.write(damaged)


main()
