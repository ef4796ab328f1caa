#!/usr/bin/env bash
# Runs every fuzz target for a while: fuzz.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-5}
grep -rnoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sort | while IFS=: read -r file _ target; do
	target=${target#func }
	echo "fuzz $target in $(dirname "$file")"
	go test -run '^$' -fuzz "^${target}\$" -fuzztime "${seconds}s" "./$(dirname "$file")" </dev/null
done
