#!/usr/bin/env python3
"""Changes one amount of one leg in each file of explanations: damage.py FILE…

The damaged explanation is written beside the file, as FILE.damaged."""

import json
import random
import sys
from decimal import Decimal

for name in sys.argv[1:]:
    with open(name, encoding="utf-8") as f:
        records = [json.loads(line) for line in f]
    chance = random.Random(name.rsplit("/", 1)[-1])
    record = chance.choice([r for r in records if r["lines"]])
    at = chance.randrange(len(record["lines"]))
    line = record["lines"][at]
    amount = Decimal(line.get("amount", line["exact"]))
    damaged = str(amount + Decimal(1).scaleb(amount.as_tuple().exponent))
    legs = [line] + [x for rule in record["rules"] for x in rule.get("lines", []) if x == line]
    for leg in legs:
        leg["amount"] = damaged
    with open(name + ".damaged", "w", encoding="utf-8") as f:
        for r in records:
            f.write(json.dumps(r) + "\n")
