#!/usr/bin/env bash
# Settles the UCI "Online Retail" data set into an empty ledger and checks what
# must come out: online-retail.sh online_retail.csv[.gz]
#
# Every row is accounted for, the control total is exact, a second run adds no
# event, and verify finds no difference.
set -euo pipefail
file=$(realpath "$1")
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 711 "$work"
go build -o "$work/jeongsan" ./cmd/jeongsan
jeongsan() { "$work/jeongsan" "$@" --data "$work/ledger" --log-level warn; }

# number NAME FILE prints the first number of that name in indented JSON.
number() { sed -n -E "s/^ *\"$1\": \"?(-?[0-9.]+)\"?,?\$/\\1/p" "$2" | head -1; }
# text NAME FILE prints the first decimal string of that name.
text() { sed -n -E "s/^ *\"$1\": \"(-?[0-9.]+)\",?\$/\\1/p" "$2" | head -1; }
expect() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected $2, found $3" >&2
		exit 1
	fi
	echo "  $1: $3"
}

jeongsan apply examples/online-retail-terms.yaml
echo "first run"
jeongsan ingest --source examples/online-retail.yaml "$file" --json >"$work/first.json"
expect "rows read" 541909 "$(number read "$work/first.json")"
expect "control total of all rows" 9747747.934 "$(text read "$work/first.json")"
expect "rows settled" 541906 "$(number settled "$work/first.json")"
expect "rows quarantined: no contract covers bad-debt adjustments" 3 "$(number quarantined "$work/first.json")"
expect "rows replayed" 0 "$(number replayed "$work/first.json")"
echo "  rows of no value: $(number zero_value "$work/first.json")"
echo "  seconds until settled and visible: $(sed -n -E 's/^    "seconds": ([0-9.]+).*/\1/p' "$work/first.json" | head -1)"
jeongsan verify --json >"$work/verified-first.json"

echo "second run"
jeongsan ingest --source examples/online-retail.yaml "$file" --json >"$work/second.json"
expect "rows replayed" 541909 "$(number replayed "$work/second.json")"
expect "control total of all rows" 9747747.934 "$(text read "$work/second.json")"

echo "verify"
jeongsan verify --json >"$work/verified-second.json"
expect "events, as before" "$(number events "$work/verified-first.json")" "$(number events "$work/verified-second.json")"
expect "settlements" 541906 "$(number settlements "$work/verified-second.json")"
jeongsan verify
