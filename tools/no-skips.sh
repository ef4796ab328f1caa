#!/usr/bin/env bash
# Fails if a run of "go test -json" skipped any test: no-skips.sh FILE [PATTERN]
# A test that the pattern matches, as "PACKAGE TEST", may have been skipped.
set -euo pipefail
allowed=${2:-^$}
skipped=$(grep '"Action":"skip"' "$1" | grep '"Test":' | sed -E 's/.*"Package":"([^"]*)".*"Test":"([^"]*)".*/\1 \2/' | sort -u | grep -vE "$allowed" || true)
if [ -n "$skipped" ]; then
	echo "Skipped tests, where none may be skipped:" >&2
	echo "$skipped" >&2
	exit 1
fi
