#!/usr/bin/env bash
# Settles the UCI "Online Retail" data set into an empty ledger and checks what
# must come out: online-retail.sh online_retail.csv[.gz]
#
# Every row is accounted for and the control total is exact. The sums per outcome,
# taken from the events in the log, equal those of a reader of the file that shares
# no code with the product (tools/retailsums). Ingesting the file again, also with
# whole invoices shuffled, adds no event and changes no balance, and verify finds
# no difference.
#
# Then the same under ten rules, in a ledger of its own: its books come to every
# business date of the year one by one, and what tax office, platform and card
# supplier got and what is still in reserve equals what that reader works out.
set -euo pipefail
file=$(realpath "$1")
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 711 "$work"
go build -o "$work/jeongsan" ./cmd/jeongsan
go build -C tools -o "$work/retailsums" ./retailsums
ledger=$work/ledger
jeongsan() { "$work/jeongsan" "$@" --data "$ledger" --log-level warn; }
ingest() { jeongsan ingest --source examples/online-retail.yaml "$1" --json; }

# number NAME FILE prints the first number of that name in indented JSON.
number() { sed -n -E "s/^ *\"$1\": \"?(-?[0-9.]+)\"?,?\$/\\1/p" "$2" | head -1; }
# text NAME FILE prints the first string of that name.
text() { sed -n -E "s/^ *\"$1\": \"([^\"]*)\",?\$/\\1/p" "$2" | head -1; }
expect() {
	if [ "$2" != "$3" ]; then
		echo "$1: expected $2, found $3" >&2
		exit 1
	fi
	echo "  $1: $3"
}

jeongsan apply examples/online-retail-terms.yaml
echo "first run"
ingest "$file" >"$work/first.json"
expect "rows read" 541909 "$(number read "$work/first.json")"
expect "control total of all rows" 9747747.934 "$(text read "$work/first.json")"
expect "rows settled" 541906 "$(number settled "$work/first.json")"
expect "rows quarantined: no contract covers bad-debt adjustments" 3 "$(number quarantined "$work/first.json")"
expect "rows replayed" 0 "$(number replayed "$work/first.json")"
echo "  seconds until settled and visible: $(number seconds "$work/first.json")"

echo "the events in the log against the independent reader of the file"
jeongsan verify --log --json >"$work/log.json"
jeongsan replay --json >"$work/balances.json"
"$work/retailsums" compare "$file" "$work/log.json" "$work/balances.json"

echo "second run, of the same file"
ingest "$file" >"$work/second.json"
expect "rows replayed" 541909 "$(number replayed "$work/second.json")"
expect "control total of all rows" 9747747.934 "$(text read "$work/second.json")"

echo "third run, whole invoices shuffled"
"$work/retailsums" shuffle "$file" "$work/shuffled.csv.gz" 20111209
ingest "$work/shuffled.csv.gz" >"$work/third.json"
expect "rows replayed" 541909 "$(number replayed "$work/third.json")"
expect "control total of all rows" 9747747.934 "$(text read "$work/third.json")"

echo "verify"
jeongsan verify --json >"$work/verified.json"
expect "events, as before" "$(number events "$work/log.json")" "$(number events "$work/verified.json")"
expect "settlements" 541906 "$(number settlements "$work/verified.json")"
expect "state, as before" "$(text state "$work/log.json")" "$(text state "$work/verified.json")"
jeongsan replay --json >"$work/again.json"
cmp "$work/balances.json" "$work/again.json"
echo "  balances, as before: $(grep -c '"account":' "$work/again.json")"
echo "  events per second: $(number events_per_second "$work/log.json") of the log alone, $(number events_per_second "$work/verified.json") compared with Postgres"

echo "ten rules, in a ledger of their own"
rm -r "$ledger"
ledger=$work/negotiated
books=(uk europe world)
jeongsan schedule test examples/online-retail-negotiated-terms.yaml
jeongsan apply examples/online-retail-negotiated-terms.yaml
for book in "${books[@]}"; do jeongsan advance --book "$book" --date 2010-12-01; done
ingest "$file" >"$work/ten.json"
expect "rows settled" 541906 "$(number settled "$work/ten.json")"
expect "rows quarantined" 3 "$(number quarantined "$work/ten.json")"
echo "  seconds until settled and visible: $(number seconds "$work/ten.json")"
for book in "${books[@]}"; do
	jeongsan advance --book "$book" --date 2011-12-31 --json >"$work/advanced.json"
	expect "dates that $book has come through" 395 "$(number dates "$work/advanced.json")"
	echo "  events that this took: $(number events "$work/advanced.json")"
done

echo "the log and its balances against the independent reader"
jeongsan verify --log --json >"$work/log.json"
jeongsan replay --json >"$work/balances.json"
"$work/retailsums" compare "$file" "$work/log.json" "$work/balances.json"
"$work/retailsums" negotiated "$file" "$work/balances.json" 2011-12-31

echo "second run under ten rules, after the year"
ingest "$file" >"$work/again.json"
expect "rows replayed" 541909 "$(number replayed "$work/again.json")"
for book in "${books[@]}"; do
	jeongsan advance --book "$book" --date 2011-12-31 --json >"$work/advanced.json"
	expect "events of the same date in $book again" 0 "$(number events "$work/advanced.json")"
done
jeongsan verify --json >"$work/verified.json"
expect "settlements" 541906 "$(number settlements "$work/verified.json")"
expect "events, as before" "$(number events "$work/log.json")" "$(number events "$work/verified.json")"
expect "state, as before" "$(text state "$work/log.json")" "$(text state "$work/verified.json")"
