#!/usr/bin/env bash
# Generates all generated code anew and fails if any of it changed: whoever edits
# a schema commits what follows from it.
set -euo pipefail
cd "$(dirname "$0")/.."

# gqlgen also keeps the resolvers' frames in order.
generated() {
	{ grep -rlE '^// Code generated .* DO NOT EDIT\.$' --include='*.go' . || true; find . -name '*.resolvers.go'; } | sort | xargs -r sha256sum
}

before=$(generated)
go generate ./...
after=$(generated)
if [ "$before" != "$after" ]; then
	echo "Generated code was not up to date; these files have changed, commit them:" >&2
	diff <(echo "$before") <(echo "$after") | sed -n 's/^[<>] [0-9a-f]*  //p' | sort -u >&2
	exit 1
fi
