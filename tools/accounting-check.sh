#!/usr/bin/env bash
# Lets three accounting programs that share no code with the product, hledger,
# ledger and beancount, recompute every balance of a made-up history from the
# export, and compares them with the read models to the last digit:
# accounting-check.sh [BINARY]
#
# A server settles sales, refunds and reversals in four books and five currencies
# (tools/accounting/history.py has what is in it). The export must pass each
# program's checks, with assertions of all balances, and each must refuse it once a
# single amount is one won or 0.004 USD off. jeongsan verify must agree as well.
# Installs the three packages as root where they are missing. BINARY is built from
# the tree where it is not given.
#
# SEED and SALES make another history.
set -euo pipefail
binary=${1:+$(realpath "$1")}
cd "$(dirname "$0")/.."
seed=${SEED:-20261122} sales=${SALES:-1500}

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

"$binary" serve --data "$work/data" --listen 127.0.0.1:0 --log-level warn >"$work/said" 2>&1 &
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
jeongsan apply tools/accounting/terms.yaml --server "$address" | sed 's/^/  /'
jeongsan ingest --source tools/accounting/source.yaml "$work/history.csv" --server "$address" --json >"$work/ingested.json"
if ! grep -q '"quarantined": 0,' "$work/ingested.json"; then
	echo "Not every transaction of the history settled:" >&2
	cat "$work/ingested.json" >&2
	exit 1
fi
"$python" tools/accounting/reverse.py "$address" "$work/reversals.json" | sed 's/^/  /'

echo "the export, beside the running server"
jeongsan export --format hledger --balances --out "$work/ledger.journal" | sed 's/^/  /'
jeongsan export --format beancount --balances --out "$work/ledger.beancount" >"$work/said"
jeongsan export --format jsonl --out "$work/rows.jsonl" >"$work/said"
jeongsan export --format csv --out "$work/rows.csv" >"$work/said"
for format in hledger beancount; do # one month of one book, with opening balances
	jeongsan export --format "$format" --balances --book world_shop --from 2026-02-01 --until 2026-02-28 --out "$work/february/" >"$work/said"
done
"$python" tools/accounting/balances.py "$address" >"$work/balances.json"

check_hledger() { LC_ALL=C hledger -f "$1.journal" check -s; }
balances_hledger() { LC_ALL=C hledger -f "$1.journal" bal -N --flat -E -O csv; }
check_ledger() { ledger -f "$1.journal" --pedantic bal --flat -E --no-total; }
check_beancount() { bean-check --no-cache "$1.beancount"; }

echo "balances that the programs compute, against the read models"
for export in ledger february/world_shop; do
	check_hledger "$work/$export"
	check_ledger "$work/$export" >"$work/$(basename "$export").txt"
	check_beancount "$work/$export"
done
balances_hledger "$work/ledger" >"$work/hledger.csv"
balances_hledger "$work/february/world_shop" >"$work/february.csv"
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
