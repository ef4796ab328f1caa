"""Evaluates formulas as explanations write them, where each name stands before its
value: "gross 11000 / 1.1", "max(0, cap 50000 - used 49900)". It shares nothing with
the engine but the written language. Numbers are fractions, exact."""

import datetime
import re
from fractions import Fraction

TOKEN = re.compile(
    r"""\s*(?:(?P<number>-?\d+(?:\.\d+)?(?:/\d+)?%?(?![\w-]))
    |(?P<date>\d{4}-\d\d-\d\d)
    |"(?P<text>(?:[^"\\]|\\.)*)"
    |(?P<name>[a-z_][a-z0-9_]*(?:\.[a-z0-9_]+)*)
    |(?P<sign><=|>=|==|!=|[-+*/<>(),\[\]]))""",
    re.VERBOSE,
)
MODES = ("half_up", "half_even", "half_down", "up", "down", "ceiling", "floor")


class Unreadable(Exception):
    """The text is no formula with all its values."""


def rounded(x, mode, unit):
    """x to a multiple of unit; floor and ceiling look at the sign, the others do not."""
    q = x / unit
    whole = q.numerator // q.denominator
    rest = q - whole
    if mode == "floor":
        n = whole
    elif mode == "ceiling":
        n = whole + (rest > 0)
    else:
        a = abs(q)
        whole = a.numerator // a.denominator
        rest = a - whole
        half = Fraction(1, 2)
        up = {
            "half_up": rest >= half,
            "half_down": rest > half,
            "half_even": rest > half or rest == half and whole % 2 == 1,
            "up": rest > 0,
            "down": False,
        }[mode]
        n = (whole + up) * (-1 if q < 0 else 1)
    return n * unit


def number(text):
    """A number as explanations write it: decimal, fraction, or in per cent."""
    percent = text.endswith("%")
    x = Fraction(text.rstrip("%"))
    return x / 100 if percent else x


class Reader:
    def __init__(self, text, minor):
        self.tokens, self.at, self.minor = [], 0, minor
        position, before = 0, None
        while position < len(text.rstrip()):
            match = TOKEN.match(text, position)
            if not match:
                raise Unreadable(f"at {position} of {text!r}")
            kind, word = match.lastgroup, match.group(match.lastgroup)
            # Behind a value a minus is an operator, not a sign.
            if kind == "number" and word.startswith("-") and before in ("number", "close"):
                position = match.start("number") + 1
                self.tokens.append(("sign", "-"))
                before = "sign"
                continue
            self.tokens.append((kind, word))
            before = "close" if word in (")", "]") and kind == "sign" else kind
            position = match.end()

    def peek(self, *words):
        return self.at < len(self.tokens) and self.tokens[self.at][1] in words and self.tokens[self.at][0] in ("sign", "name")

    def take(self, *words):
        if self.peek(*words):
            self.at += 1
            return self.tokens[self.at - 1][1]
        return None

    def expect(self, word):
        if not self.take(word):
            raise Unreadable(f"{word!r} expected at token {self.at} of {self.tokens}")

    def whole(self):
        value = self.either()
        if self.at != len(self.tokens):
            raise Unreadable(f"more than a formula: {self.tokens[self.at:]}")
        return value()

    # Each method below reads one level of the grammar and returns a function that
    # computes it: what does not decide is never computed.

    def chain(self, operand, *signs):
        value = operand()
        while sign := self.take(*signs):
            value = self.joined(value, sign, operand())
        return value

    @staticmethod
    def joined(left, sign, right):
        return {
            "or": lambda: left() or right(),
            "and": lambda: left() and right(),
            "+": lambda: left() + right(),
            "-": lambda: left() - right(),
            "*": lambda: left() * right(),
            "/": lambda: left() / right(),
            "==": lambda: left() == right(),
            "!=": lambda: left() != right(),
            "<=": lambda: left() <= right(),
            ">=": lambda: left() >= right(),
            "<": lambda: left() < right(),
            ">": lambda: left() > right(),
            "in": lambda: left() in right(),
            "not in": lambda: left() not in right(),
        }[sign]

    def either(self):
        return self.chain(self.both, "or")

    def both(self):
        return self.chain(self.negated, "and")

    def negated(self):
        if self.take("not"):
            value = self.negated()
            return lambda: not value()
        return self.compared()

    def compared(self):
        left = self.sum()
        sign = self.take("==", "!=", "<=", ">=", "<", ">", "in", "not")
        if sign == "not":
            self.expect("in")
            sign = "not in"
        return self.joined(left, sign, self.sum()) if sign else left

    def sum(self):
        return self.chain(self.product, "+", "-")

    def product(self):
        return self.chain(self.single, "*", "/")

    def single(self):
        if self.take("-"):
            value = self.single()
            return lambda: -value()
        if self.take("("):
            value = self.either()
            self.expect(")")
            return value
        if self.take("["):
            values = self.items("]")
            return lambda: [value() for value in values]
        if self.at == len(self.tokens):
            raise Unreadable("the formula ends too early")
        kind, word = self.tokens[self.at]
        self.at += 1
        if kind == "name" and word not in ("true", "false"):
            if self.take("("):
                return self.call(word)
            if word in MODES:
                return lambda: word
            return self.single()  # a name; its value follows
        if kind == "sign":
            raise Unreadable(f"{word!r} is no value")
        value = {
            "number": lambda: number(word),
            "text": lambda: re.sub(r"\\(.)", r"\1", word),
            "date": lambda: datetime.date.fromisoformat(word),
            "name": lambda: word == "true",
        }[kind]()
        return lambda: value

    def items(self, end):
        values = []
        while not self.take(end):
            values.append(self.either())
            if not self.peek(end):
                self.expect(",")
        return values

    def call(self, name):
        a = self.items(")")
        if name == "if":
            return lambda: self.chosen(a)
        known = {
            "min": min,
            "max": max,
            "abs": abs,
            "round": lambda x, mode, unit=self.minor: rounded(x, mode, unit),
            "floor": lambda x, unit: rounded(x, "floor", unit),
            "ceiling": lambda x, unit: rounded(x, "ceiling", unit),
            "date": lambda d: datetime.date.fromisoformat(d),
            "days": lambda start, end: Fraction((end - start).days),
            "year": lambda d: Fraction(d.year),
            "month": lambda d: Fraction(d.month),
            "day": lambda d: Fraction(d.day),
            "weekday": lambda d: Fraction(d.isoweekday()),
        }
        if name not in known:
            if len(a) != 1:
                raise Unreadable(f"unknown function {name}")
            return a[0]  # a name; its value is below zero
        return lambda: known[name](*(value() for value in a))

    @staticmethod
    def chosen(a):
        for i in range(0, len(a) - 1, 2):
            if a[i]():
                return a[i + 1]()
        return a[-1]()


def first(text):
    """What stands before the first " = ", " is " or ": " outside of quotes."""
    quoted = False
    for i, c in enumerate(text):
        if c == '"' and text[i - 1 : i] != "\\":
            quoted = not quoted
        if not quoted and text.startswith((" = ", " is ", ": "), i):
            return text[:i]
    return text


def evaluate(text, minor):
    """The value of an explained formula, computed from its first stage."""
    return Reader(first(text), minor).whole()
