#!/usr/bin/env bash
# Runs the official Go client's own tests against the embedded node:
# client-tests.sh [BINARY]
#
# The tests are those of the client's version that the product requires. They are
# compiled where the module cache keeps them, with nothing replaced but the helper
# that starts EventStoreDB in Docker: ours starts a node (clienttests/containers_test.go).
# Go lays nothing over files in the module cache, so clienttests/go.mod replaces the
# client with a folder that does not exist, and the overlay fills it with the
# client's files.
#
# clienttests/tests.txt says of every test whether it runs. This fails if a test
# that should run did not, was skipped or did not pass, and if the client has a test
# that is not named there. BINARY is built from the tree where it is not given.
set -euo pipefail
binary=${1:+$(realpath "$1")}
cd "$(dirname "$0")/.."
go=${GO:-go}
module=github.com/EventStore/EventStore-Client-Go/v4
here=$PWD/tools/clienttests
list=$here/tests.txt

work=$(mktemp -d)
mkdir "$work/nodes"
# Nodes of tests that panicked are still running.
finish() {
	local running
	for running in "$work"/nodes/*; do
		[ ! -e "$running" ] || kill "${running##*/}" 2>/dev/null || true # it may have ended
	done
	rm -rf "$work"
}
trap finish EXIT

# section NAME… prints the tests in these sections of the list.
section() {
	awk -v wanted=" $* " '
		/^\[/ { name = $1; gsub(/[][]/, "", name); next }
		/^[^#]/ && index(wanted, " " name " ") { print $1 }' "$list"
}

if [ -z "$binary" ]; then
	binary=$work/jeongsan
	"$go" build -o "$binary" ./cmd/jeongsan
fi

"$go" mod download "$module"
read -r version source < <("$go" list -m -f '{{.Version}} {{.Dir}}' "$module")
if ! grep -qF "$module $version" "$here/go.mod"; then
	echo "The product requires version $version of the client. Bring tools/clienttests/go.mod to it, and tests.txt." >&2
	exit 1
fi

# Everything that the client's tests are called must be in the list.
{
	grep -hoE '\.Run\("[^"]+"' "$source"/esdb/*_test.go | sed -E 's/.*"(.*)"/\1/'
	grep -hoE '^func Test[A-Za-z0-9_]+\(t ' "$source"/esdb/*_test.go | sed -E 's/^func (.*)\(t $/\1/'
} | sort -u >"$work/known"
section plain tls both once out | tr / '\n' | sort -u >"$work/listed"
if unlisted=$(comm -23 "$work/known" "$work/listed") && [ -n "$unlisted" ]; then
	echo "Tests of the client that $list does not name:" >&2
	echo "$unlisted" >&2
	exit 1
fi

overlay() {
	local file from separator=
	echo '{"Replace": {'
	while read -r file; do
		from=$source/$file
		if [ "$file" = esdb/containers_test.go ]; then
			from=$here/containers_test.go
		fi
		printf '%s"%s": "%s"' "$separator" "$here/client/$file" "$from"
		separator=$',\n'
	done < <(cd "$source" && find go.mod esdb protos -name '*.go' -o -name go.mod | sort)
	echo '}}'
}

overlay >"$work/overlay.json"
mkdir -p "$work/client/esdb" "$work/client/certs"
# vet would start in the folder that does not exist, and the code is not ours.
"$go" test -C "$here" -c -vet=off -overlay "$work/overlay.json" -o "$work/client/tests" "$module/esdb"
ln -s "$source/resources" "$work/client/resources"

# certificates makes those that the tests look for beside their own folder.
certificates() {
	local certs=$work/client/certs
	"$binary" node certs --dir "$work/trusted" --host localhost >"$work/said"
	"$binary" node certs --dir "$work/untrusted" --host localhost >"$work/said"
	mkdir "$certs/ca" "$certs/node" "$certs/untrusted-ca"
	cp "$work/trusted/"ca.{crt,key} "$certs/ca/"
	cp "$work/trusted/"node.{crt,key} "$certs/node/"
	cp "$work/untrusted/ca.crt" "$certs/untrusted-ca/"
}

failed=
# run MODE SECTION… runs the tests of these sections and looks that each has passed.
run() {
	local mode=$1 name verdict status=0 passed=0
	shift
	section "$@" >"$work/selected"
	# One pattern for each test; "(" occurs in names.
	name=$(sed -E 's/[()]/\\&/g; s,/,$/^,g; s/.*/^&$/' "$work/selected" | paste -sd '|' -)
	(cd "$work/client/esdb" && exec env -u CLUSTER -u EVENTSTORE_DOCKER_TAG TMPDIR="$work" JEONGSAN="$binary" JEONGSAN_NODES="$work/nodes" EVENTSTORE_INSECURE="$([ "$mode" = tls ] && echo false || echo true)" \
		../tests -test.v -test.timeout 10m -test.run "$name") >"$work/log" 2>&1 || status=$?
	sed -nE 's/^ *--- (PASS|FAIL|SKIP): ([^ ]+) .*/\2 \1/p' "$work/log" >"$work/verdicts"
	echo "$mode:"
	while read -r name; do
		verdict=$(awk -v name="$name" '$1 == name { print $2 }' "$work/verdicts" | sort -u | paste -sd ' ' -)
		printf '  %-8s %s\n' "${verdict:-NOT RUN}" "$name"
		if [ "$verdict" = PASS ]; then
			passed=$((passed + 1))
		fi
	done <"$work/selected"
	echo "  $passed of $(wc -l <"$work/selected") passed"
	if [ "$status" -ne 0 ] || [ "$passed" -ne "$(wc -l <"$work/selected")" ]; then
		cat "$work/log"
		failed="$failed $mode"
	fi
}

echo "The tests of $module $version:"
run once once
run plain both plain
certificates
run tls both tls

echo "left out:"
awk '/^\[/ { out = /^\[out\]/; if (out) { sub(/^\[out\] /, ""); print "  those that " $0 ":" } next }
	/^[^#]/ && out { print "    " $1 }' "$list"
if [ -n "$failed" ]; then
	echo "failed:$failed" >&2
	exit 1
fi
