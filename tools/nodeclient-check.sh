#!/usr/bin/env bash
# Checks the embedded event store node with the official client for Node.js, which
# shares no code with the product or its Go client: nodeclient-check.sh [BINARY]
#
# Takes Node, npm and the packages that nodeclient/package-lock.json pins. BINARY is
# built from the tree where it is not given. nodeclient/*.mjs have the checks.
set -euo pipefail
binary=${1:+$(realpath "$1")}
cd "$(dirname "$0")/.."

# give_up REASON… ends this.
give_up() {
	printf '%s\n' "$@" >&2
	exit 1
}

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
	give_up "The Node.js client cannot run: npm is not installed here. It comes with Node (Debian, Ubuntu: sudo apt-get install npm)."
fi
if [ "$(node -p 'Number(process.versions.node.split(".")[0]) >= 20')" != true ]; then
	give_up "The Node.js client cannot run: Node is $(node --version), and 20 or newer is needed for its checks."
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -z "$binary" ]; then
	binary=$work/jeongsan
	"${GO:-go}" build -o "$binary" ./cmd/jeongsan
fi

cd tools/nodeclient
if [ ! node_modules/.package-lock.json -nt package-lock.json ]; then
	echo "Fetching the official client for Node.js with npm, once …" >&2
	if ! npm ci --no-progress --loglevel=error --prefer-offline >"$work/log" 2>&1; then
		give_up "npm could not get the packages of the client." "$(grep -m 3 'npm error' "$work/log" || tail -n 3 "$work/log")"
	fi
fi
JEONGSAN=$binary TMPDIR=$work node --test-reporter=spec check.mjs
