#!/usr/bin/env python3
"""Reverses transactions through a running server: reverse.py SERVER REVERSALS.json"""
import json
import sys

from api import ask

REVERSE = """mutation($input: ReverseInput!) { reverse(input: $input) { outcome userErrors { code message } } }"""


def main():
    server, path = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        reversals = json.load(file)
    for r in reversals:
        answer = ask(server, REVERSE, input={
            "source": "by-hand", "externalId": r["id"], "book": r["book"], "target": {"source": "made-up", "externalId": r["target"]},
            "reason": r["reason"], "occurredAt": r["at"],
        })["reverse"]
        if answer["userErrors"]:
            raise SystemExit(f"reversal {r['id']}: {answer['userErrors']}")
    print(f"{len(reversals)} reversals")


main()
