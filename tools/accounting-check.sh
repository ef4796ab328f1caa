#!/usr/bin/env bash
# Lets three accounting programs that share no code with the product, hledger,
# ledger and beancount, recompute every balance of a made-up history from the
# export, and compares them with the read models to the last digit:
# accounting-check.sh [BINARY]
#
# A server settles sales, refunds and reversals in four books and five currencies
# (tools/accounting/history.py has what is in it); a fifth goes through three months of
# business dates, with money held and released, periods closed, shares converted,
# chargebacks, disputes won and adjustments (late.py). The export must pass each
# program's checks, with assertions of all balances, and each must refuse it once a
# single amount is one won or 0.004 USD off. jeongsan verify must agree as well.
# Installs the three packages as root where they are missing. BINARY is built from
# the tree where it is not given.
#
# SEED, SALES and LATE (sales of the fifth book) make another history.
set -euo pipefail
binary=${1:+$(realpath "$1")}
cd "$(dirname "$0")/.."
seed=${SEED:-20261122} sales=${SALES:-1500} late=${LATE:-420}

packages=(hledger ledger beancount)
missing=()
for program in hledger:hledger ledger:ledger beancount:bean-check; do
	command -v "${program#*:}" >/dev/null || missing+=("${program%%:*}")
done
if [ ${#missing[@]} -gt 0 ]; then
	if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
		echo "The accounting programs are not all here. Install the packages ${missing[*]} (Debian, Ubuntu: sudo apt-get install ${packages[*]})." >&2
		exit 1
	fi
	echo "Not all accounting programs are installed here: installing the packages ${missing[*]}." >&2
	apt-get update -q >&2
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" >&2
fi
# The interpreter of the system, for which the package beancount brings its library.
python=/usr/bin/python3
if ! "$python" -c 'import beancount' 2>/dev/null; then
	echo "$python does not find the library of beancount. Install the package python3-beancount." >&2
	exit 1
fi

work=$(mktemp -d)
server=
finish() {
	if [ -n "$server" ]; then
		kill -INT "$server" 2>/dev/null || true # it may have ended by itself
		wait "$server" || true
	fi
	rm -rf "$work"
}
trap finish EXIT
chmod 711 "$work"
if [ -z "$binary" ]; then
	binary=$work/jeongsan
	"${GO:-go}" build -o "$binary" ./cmd/jeongsan
fi
jeongsan() { "$binary" "$@" --data "$work/data" --log-level warn; }
export PYTHONDONTWRITEBYTECODE=1 # the tree stays as it is

"$binary" serve --data "$work/data" --listen 127.0.0.1:0 --business-days manual --log-level warn >"$work/said" 2>&1 &
server=$!
for ((waited = 0; waited < 600; waited++)); do
	if [ -e "$work/data/running.json" ] || ! kill -0 "$server" 2>/dev/null; then
		break
	fi
	sleep 0.1
done
if ! [ -e "$work/data/running.json" ]; then
	echo "The server did not start:" >&2
	cat "$work/said" >&2
	exit 1
fi
address=$(sed -E 's/.*"server":"([^"]*)".*/\1/' "$work/data/running.json")

echo "a history from seed $seed"
"$python" tools/accounting/history.py "$seed" "$sales" "$work/history.csv" "$work/reversals.json" | sed 's/^/  /'
jeongsan calendar publish examples/calendars/kr.yaml --server "$address" | sed 's/^/  /'
jeongsan apply tools/accounting/terms.yaml --server "$address" | sed 's/^/  /'
settle() { # all of a file, by a source
	jeongsan ingest --source "$1" "$2" --server "$address" --json >"$work/ingested.json"
	if ! grep -q '"quarantined": 0,' "$work/ingested.json"; then
		echo "Not every transaction of the history settled:" >&2
		cat "$work/ingested.json" >&2
		exit 1
	fi
}
settle tools/accounting/source.yaml "$work/history.csv"
"$python" tools/accounting/reverse.py "$address" "$work/reversals.json" | sed 's/^/  /'

echo "what comes after sales, from one business date to the next"
"$python" tools/accounting/late.py "$seed" "$late" "$work/late" | sed 's/^/  /'
for step in "$work"/late/*.csv; do
	settle tools/accounting/late.yaml "$step"
	"$python" tools/accounting/adjust.py "$address" "${step%.csv}.json"
	date=$(cat "${step%.csv}.date")
	jeongsan advance --book late.market --date "$date" --server "$address" >"$work/said"
	if [ "$(basename "$step")" = 11.csv ]; then # what comes after rests on it
		jeongsan rerate --book late.market --from 2026-01-01 --to 2026-03-20 --id spring --on "$date" --reason "sales that came late" --list 0 --server "$address" | sed 's/^/  /'
		jeongsan rerate --book late.market --from 2026-01-01 --to 2026-03-20 --preview --server "$address" >"$work/again"
		grep -q ' 0 differ$' "$work/again" || { echo "a second re-rating finds differences" >&2; cat "$work/again" >&2; exit 1; }
	fi
done
sed 's/^/  /' "$work/said"

echo "what was given back, recomputed from its explanations"
awk -F, 'FNR > 1 && ($3 == "refund" || $3 == "chargeback" || $3 == "dispute_won") && ++n % 4 == 0 { print $1 }' "$work"/late/*.csv |
	while read -r id; do jeongsan explain late-feed "$id" --json; done >"$work/explained.json"
"$python" tools/explanation/check.py --at-least 150 "$work/explained.json" | sed 's/^/  /'

echo "the export, beside the running server"
jeongsan export --format hledger --balances --out "$work/ledger.journal" | sed 's/^/  /'
jeongsan export --format beancount --balances --out "$work/ledger.beancount" >"$work/said"
jeongsan export --format jsonl --out "$work/rows.jsonl" >"$work/said"
jeongsan export --format csv --out "$work/rows.csv" >"$work/said"
for format in hledger beancount; do # one month of two books, with opening balances
	for book in world_shop late.market; do
		jeongsan export --format "$format" --balances --book "$book" --from 2026-02-01 --until 2026-02-28 --out "$work/february/" >"$work/said"
	done
done
"$python" tools/accounting/balances.py "$address" >"$work/balances.json"

check_hledger() { LC_ALL=C hledger -f "$1.journal" check -s; }
balances_hledger() { LC_ALL=C hledger -f "$1.journal" bal -N --flat -E -O csv; }
check_ledger() { ledger -f "$1.journal" --pedantic bal --flat -E --no-total; }
check_beancount() { bean-check --no-cache "$1.beancount"; }

echo "the ends of months, recomputed from the rows"
"$python" tools/accounting/periods.py "$work/rows.jsonl"

echo "balances that the programs compute, against the read models"
for export in ledger february/world_shop february/late.market; do
	check_hledger "$work/$export"
	check_ledger "$work/$export" >"$work/$(basename "$export").txt"
	check_beancount "$work/$export"
done
balances_hledger "$work/ledger" >"$work/hledger.csv"
for book in world_shop late.market; do
	balances_hledger "$work/february/$book" >"$work/february-$book.csv"
done
BEANCOUNT_DISABLE_LOAD_CACHE=1 "$python" tools/accounting/compare.py "$work"

echo "the log and the read models, by the product's own second implementation"
jeongsan verify | sed -n '/^no difference/s/^/  /p'

echo "what must be refused"
"$python" tools/accounting/damage.py "$work"
for fault in one_won_off two_fifths_of_a_cent_off wrong_balance; do
	for program in hledger ledger beancount; do
		if "check_$program" "$work/$fault" >"$work/said" 2>&1; then
			echo "$program accepts $fault" >&2
			exit 1
		fi
	done
	echo "  $fault: refused by hledger, ledger and beancount"
done
