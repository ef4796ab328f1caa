#!/usr/bin/env python3
"""Recomputes the amount of every leg from explanations alone and fails on any
difference: check.py [--at-least LEGS] [FILE…]

It reads what "jeongsan schedule simulate --json" and "jeongsan explain --json"
print, one JSON value after another, and knows neither schedules nor the engine. Of
each line it takes base, rate and steps to the exact result, then bound and rounding
to the amount; of formulas it computes the first stage; and it adds up that what the
lines give away is the whole."""

import argparse
import json
import re
import sys
from fractions import Fraction

from formula import evaluate, rounded

# Decimals beyond the minor unit that a base is shown with.
EXTRA_DIGITS = 4


class Difference(Exception):
    """An amount that does not follow from its explanation."""


def decimals(text):
    return len(text.partition(".")[2])


class Line:
    """One line of an explanation."""

    def __init__(self, raw):
        self.raw = raw
        self.rule, self.rate, self.bound = raw["rule"], raw["rate"], raw.get("bound", "")
        self.base, self.exact = Fraction(raw["base"]), Fraction(raw["exact"])
        self.amount = Fraction(raw.get("amount", raw["exact"]))
        self.charge = False  # for a refund: earned where all else is given back
        mode, _, unit = raw.get("rounding", "").partition(" ")
        self.mode, self.unit = mode, Fraction(unit) if unit else None

    @property
    def signed(self):
        """The amount with the sign of what was rounded: the exact result, or the bound
        in its place. A bound without a number is an amount per currency, above zero."""
        result = self.exact
        if self.bound and not self.charge:
            result = Fraction(self.bound.partition(" ")[2] or 0)
        return -self.amount if result < 0 else self.amount

    def fail(self, what, expected, found):
        raise Difference(f"{self.rule}: {what} is {expected}, the line says {found}: {self.raw}")


def step(rule, *names):
    """The value of a step of a rule, exact."""
    for s in rule.get("steps", []):
        if s["name"] in names:
            return Fraction(s["value"])
    return None


def terms(rate):
    """The summands of a rate text."""
    return re.split(r" \+ (?=[^()]*$)|, ", re.sub(r"^(marginal|slab) ", "", rate.replace(" + marginal ", " + ").replace(" + slab ", " + ")))


def term(text, base):
    """What one summand makes of a base."""
    match = re.fullmatch(r"(-?[\d./]+)%(?: of (-?[\d./]+))?", text)
    if match:
        return Fraction(match[1]) / 100 * (Fraction(match[2]) if match[2] else base)
    match = re.fullmatch(r"(-?[\d./]+) x (-?[\d./]+)", text)
    if match:
        return Fraction(match[1]) * Fraction(match[2])
    return Fraction(text)


class Record:
    """One rated transaction."""

    def __init__(self, raw):
        self.raw = raw
        self.gross, self.rated = Fraction(raw["gross"]), Fraction(raw["rated"])
        self.minor = Fraction(1, 10 ** decimals(raw["rated"]))
        self.lines = [Line(line) for line in raw["lines"]]
        self.formulas = 0

    def check(self):
        for name in ("inputs", "parameters", "values"):
            for shown in self.raw.get(name, []):
                self.formula(shown)
        remaining = self.rated
        at = 0
        for rule in self.raw["rules"]:
            raw = rule.get("lines", [])
            lines = self.lines[at : at + len(raw)]
            if raw != [line.raw for line in lines]:
                raise Difference(f"the lines of rule {rule['rule']} do not stand at their place")
            at += len(lines)
            for shown in rule.get("steps", []):
                self.formula(shown)
            if lines and lines[0].mode in ("largest", "first", "last"):
                self.split(rule, lines)
            else:
                for line in lines:
                    self.line(rule, line, remaining)
            remaining -= sum(line.signed for line in lines)
        for line in self.lines[at:]:
            if line.rate != "sub_minor":
                raise Difference(f"line {line.rule} belongs to no rule")
            self.same(line, "exact", self.gross - self.rated, line.exact)
            self.same(line, "amount", abs(line.exact), line.amount)
        # What is given back is the next part of a whole: rounded with the parts before it,
        # it may be off by a unit.
        part = Fraction(self.raw["transaction"]["amount"]) < 0 or "original" in self.raw
        for conversion in self.raw.get("conversions", []):
            self.conversion(conversion, part)
        if self.lines and sum(line.signed for line in self.lines) != self.gross:
            raise Difference(f"the lines sum to {sum(line.signed for line in self.lines)} of {self.gross}")

    def formula(self, shown):
        """The value of a formula is what its text comes to."""
        text = shown.get("formula")
        if not text or " = " not in text and " is " not in text:
            return
        self.formulas += 1
        found = evaluate(text, self.minor)
        if isinstance(found, Fraction) and found != Fraction(shown["value"]):
            raise Difference(f"{shown['name']}: {text} comes to {found}, it says {shown['value']}")

    def same(self, line, what, expected, found):
        if expected != found:
            line.fail(what, expected, found)

    def line(self, rule, line, remaining):
        if line.rate == "rest":
            self.same(line, "rest", remaining, line.exact)
            self.same(line, "amount", abs(remaining), line.amount)
            return
        if line.rate in ("kept", "on_full") or line.rate.startswith("pro_rata"):
            self.returned(line)
            return
        exact = self.exact(rule, line)
        line.charge = exact == -line.exact and exact != 0
        if not line.charge:
            self.same(line, "exact", exact, line.exact)
        bounded = self.bounded(rule, line, exact)
        self.same(line, "amount", abs(rounded(bounded, line.mode, line.unit)), line.amount)

    def exact(self, rule, line):
        """The result before bounds and rounding, from base and rate or from steps."""
        amount = step(rule, "amount")
        if amount is not None:
            return amount
        base = step(rule, "base", "of")
        return sum((term(text, line.base if base is None else base) for text in terms(line.rate)), Fraction(0))

    def bounded(self, rule, line, exact):
        if not line.bound:
            return exact
        name, _, value = line.bound.partition(" ")
        limit = Fraction(value) if value else step(rule, name)
        if limit is None:
            raise Difference(f"{line.rule}: the explanation does not say what the {name} is")
        if name == "minimum" and exact >= limit or name == "maximum" and exact <= limit:
            raise Difference(f"{line.rule}: the {name} {limit} does not bound {exact}")
        return limit

    def returned(self, line):
        """What a refund returns of a line of the sale."""
        expected = Fraction(0)
        if line.rate == "on_full":
            expected = line.base if line.amount else expected
        elif line.rate.startswith("pro_rata"):
            match = re.fullmatch(r"pro_rata ([\d.]+)/([\d.]+)(?: - ([\d.]+))?", line.rate)
            sign = -1 if line.exact < 0 else 1
            part = sign * line.base * Fraction(match[1]) / Fraction(match[2])
            expected = abs(rounded(part, line.mode, line.unit)) - Fraction(match[3] or 0)
        self.same(line, "amount", expected, line.amount)
        self.same(line, "exact", line.amount, abs(line.exact))

    def conversion(self, c, part):
        """A share that is paid in another currency, with the spread."""
        amount, mode, _, unit = Fraction(c["amount"]), *c["rounding"].partition(" ")
        unit = Fraction(unit)
        exact = amount * Fraction(c["rate"])
        result, value = rounded(exact, mode, unit), rounded(amount * Fraction(c["mid"]), mode, unit)
        if part and abs(Fraction(c["result"]) - exact) <= unit and abs(Fraction(c["value"]) - amount * Fraction(c["mid"])) <= unit:
            result, value = Fraction(c["result"]), Fraction(c["value"])
        for what, expected in (("exact", exact), ("result", result), ("value", value), ("spread", value - result)):
            if Fraction(c[what]) != expected:
                raise Difference(f"{c['rule']}: {what} of the conversion is {expected}, it says {c[what]}")

    def split(self, rule, lines):
        """The parts of a whole: rounded toward zero, the units left by the remainder."""
        total, unit = lines[0].base, lines[0].unit
        weights = []
        for line in lines:
            weight, _, whole = line.rate.partition(" of ")
            weights.append(Fraction(weight))
            self.same(line, "exact", total * Fraction(weight) / Fraction(whole), abs(line.exact))
        self.same(lines[0], "sum of weights", sum(weights), Fraction(lines[0].rate.partition(" of ")[2]))
        parts = [rounded(abs(line.exact), "down", unit) for line in lines]
        left = total - sum(parts)
        order = [i for i, weight in enumerate(weights) if weight > 0]
        order = {
            "first": order[:1],
            "last": order[-1:],
            "largest": sorted(order, key=lambda i: parts[i] - abs(lines[i].exact)),
        }[lines[0].mode]
        i = 0
        while left > 0:
            parts[order[i % len(order)]] += unit
            left -= unit
            i += 1
        for line, part in zip(lines, parts):
            self.same(line, "amount", part, line.amount)


def records(text):
    """One JSON value after another, whatever stands between them."""
    decoder = json.JSONDecoder(parse_float=str)
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        value, position = decoder.raw_decode(text, position)
        yield from value if isinstance(value, list) else [value]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--at-least", type=int, default=1, metavar="LEGS", help="fail where there are fewer legs")
    parser.add_argument("files", nargs="*", help="files to read; standard input where none is named")
    options = parser.parse_args()
    texts = [open(name, encoding="utf-8").read() for name in options.files] or [sys.stdin.read()]
    count = {"transactions": 0, "legs": 0, "formulas": 0}
    differences = 0
    for text in texts:
        for raw in records(text):
            record = Record(raw)
            try:
                record.check()
            except Exception as e:  # whatever cannot be recomputed is a difference
                differences += 1
                print(f"{raw.get('schedule')} {json.dumps(raw.get('transaction'))}: {type(e).__name__} {e}", file=sys.stderr)
            count["transactions"] += 1
            count["legs"] += len(record.lines)
            count["formulas"] += record.formulas
    print(f"{count['legs']} legs of {count['transactions']} transactions and {count['formulas']} formulas recomputed, {differences} transactions differ")
    if differences or count["legs"] < options.at_least:
        sys.exit(1)


if __name__ == "__main__":
    main()
