#!/usr/bin/env bash
# Runs every fuzz target for a while: fuzz.sh [SECONDS]
#
# Up to Go 1.26 the fuzzing coordinator may take the end of its time for a failure
# (https://go.dev/issue/75804, mended in Go 1.27). Such a run has found nothing: it
# says only "context deadline exceeded", and no failing input was written. It is
# made again. Whatever else fails, fails here.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-5}
output=$(mktemp)
trap 'rm -f "$output"' EXIT

# fuzz TARGET PACKAGE
fuzz() {
	go test -run '^$' -fuzz "^$1\$" -fuzztime "${seconds}s" "$2" </dev/null >"$output" 2>&1
}

# ended says that the last run failed by nothing but the end of its time.
ended() {
	! grep -q -e 'Failing input' -e 'panic' -e 'hung or terminated' "$output" &&
		[ "$(grep -A 2 -e '^--- FAIL: ' "$output" | sed -E 's/ \([0-9.]+s\)$//')" = "--- FAIL: $1
    context deadline exceeded
FAIL" ]
}

while IFS=: read -r file _ target; do
	target=${target#func }
	package=$(dirname "$file")
	echo "fuzz $target in $package"
	for try in 1 2 3; do
		if fuzz "$target" "$package"; then
			tail -n 2 "$output"
			break
		fi
		if [ "$try" = 3 ] || ! ended "$target"; then
			cat "$output"
			exit 1
		fi
		echo "the time ended while the coordinator was looking on (go.dev/issue/75804); again"
	done
done < <(grep -rnoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sort)
