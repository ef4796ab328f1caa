#!/usr/bin/env python3
"""Reads every balance of the read models through a running server, and waits until
they show all that is in the log: balances.py SERVER > balances.json

One line per balance: book, account, currency, debits less credits.
"""
import json
import sys
from decimal import Decimal

from api import ask

PARTIES = """query($after: String, $at: Position) {
  parties(first: 500, after: $after, atLeast: $at) { nodes { partyId } pageInfo { hasNextPage endCursor } } }"""
BALANCES = """query($party: ID!, $at: Position) {
  balances(party: $party, atLeast: $at) { book account currency debits credits } }"""


def parties(server, at):
    after = None
    while True:
        page = ask(server, PARTIES, after=after, at=at)["parties"]
        yield from (node["partyId"] for node in page["nodes"])
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = page["pageInfo"]["endCursor"]


def main():
    server = sys.argv[1]
    at = ask(server, "{ log { position } }")["log"]["position"]
    found = []
    for party in parties(server, at):
        for b in ask(server, BALANCES, party=party, at=at)["balances"]:
            found.append([b["book"], b["account"], b["currency"], str(Decimal(b["debits"]) - Decimal(b["credits"]))])
    json.dump(sorted(found), sys.stdout, indent=0)


main()
