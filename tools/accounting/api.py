"""Asks a running server's GraphQL: nothing but the standard library."""
import json
import urllib.request


def ask(server, query, **variables):
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(server + "/graphql", data=body, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as response:
        answer = json.load(response)
    if answer.get("errors"):
        raise SystemExit(f"GraphQL: {answer['errors']}")
    return answer["data"]
