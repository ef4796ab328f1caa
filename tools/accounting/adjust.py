#!/usr/bin/env python3
"""Posts adjustments through a running server: adjust.py SERVER ADJUSTMENTS.json"""
import json
import sys
import urllib.request


def main():
    server, path = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        adjustments = json.load(file)
    if not adjustments:
        return
    requests = [{"command": "PostAdjustment", "data": a, "meta": {"actor": "accounting-check", "authenticated": "none"}} for a in adjustments]
    body = json.dumps({"requests": requests}).encode()
    request = urllib.request.Request(server + "/v1/commands", data=body, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as response:
        replies = json.load(response)["replies"]
    for adjustment, reply in zip(adjustments, replies, strict=True):
        if reply.get("outcome") != "applied":
            raise SystemExit(f"adjustment {adjustment['external_id']}: {reply}")


main()
