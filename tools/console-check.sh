#!/usr/bin/env bash
# Builds GraphiQL, starts a demo, and uses the page in Chromium as a person would:
# a query, completion, a subscription, the documentation. Fails on any fault on the
# browser's console, any violation of the content security policy, and any request
# to another host. graph/console/graphiql/check.mjs has the steps.
#
# Looks for Chromium in CHROMIUM and among the usual names; as root it installs
# the system's package where there is none.
set -euo pipefail
cd "$(dirname "$0")/.."

find_chromium() {
	local candidate
	for candidate in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; do
		if [ -n "$candidate" ] && command -v "$candidate"; then
			return
		fi
	done
	return 1
}

if ! chromium=$(find_chromium); then
	if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
		echo "No Chromium is installed here. Install the package \"chromium\", or name the program in CHROMIUM." >&2
		exit 1
	fi
	echo "No Chromium is installed here: installing the package \"chromium\"." >&2
	apt-get update -q >&2
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium >&2
	chromium=$(find_chromium)
fi

tools/console.sh
work=$(mktemp -d)
demo=
finish() {
	if [ -n "$demo" ]; then
		kill -INT "$demo" 2>/dev/null || true # it may have ended by itself
		wait "$demo" || true
	fi
	rm -rf "$work"
}
trap finish EXIT
chmod 711 "$work"
go build -o "$work/jeongsan" ./cmd/jeongsan

# Everything that the demo says is kept; the line with its address tells that it serves.
mkfifo "$work/said"
"$work/jeongsan" demo --listen 127.0.0.1:0 >"$work/said" 2>&1 &
demo=$!
exec 3<"$work/said"
address=
while read -r -t 120 line <&3; do
	echo "$line" >>"$work/log"
	if [[ $line =~ ^Open\ (http://[^/ ]+/) ]]; then
		address=${BASH_REMATCH[1]}
		break
	fi
done
if [ -z "$address" ]; then
	echo "The demo did not start:" >&2
	cat "$work/log" >&2
	exit 1
fi
cat <&3 >>"$work/log" & # so that the demo never waits for a reader

(cd graph/console/graphiql && timeout 300 node check.mjs "$address" "$chromium")
