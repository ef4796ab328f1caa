#!/usr/bin/env bash
# Builds GraphiQL, the page at /, for the next binary that is compiled:
# console.sh [--if-needed]
#
# Takes Node, npm and the packages that graph/console/graphiql/package-lock.json
# pins. Without it the server works as well, with a smaller page of its own. So
# with --if-needed this only builds what is absent or older than its sources, says
# why it cannot where it cannot, and never fails.
set -euo pipefail
cd "$(dirname "$0")/../graph/console"
sources=(graphiql/{package.json,package-lock.json,.npmrc,build.mjs,main.jsx,page.css,index.html} static/samples.js)
bundle=built/graphiql/index.html
log=

up_to_date() {
	local source
	[ -e "$bundle" ] || return 1
	for source in "${sources[@]}"; do
		[ "$bundle" -nt "$source" ] || return 1
	done
}

# give_up REASON… ends this, with 1 unless it was only tried.
give_up() {
	printf '%s\n' "$@" >&2
	if [ "$attempt" = yes ]; then
		if [ -e "$bundle" ]; then
			echo "Going on with GraphiQL as it was built before." >&2
		else
			echo "Going on without GraphiQL: / shows the smaller console. \"make console\" tries again." >&2
		fi
		exit 0
	fi
	exit 1
}

# try COMMAND… runs a command in the folder of the sources, for three minutes at
# most where that can be bounded; what it prints goes to the log.
try() {
	local bound=()
	if command -v timeout >/dev/null; then
		bound=(timeout 180)
	fi
	(cd graphiql && "${bound[@]}" "$@") >"$log" 2>&1
}

attempt=no
if [ "${1:-}" = --if-needed ]; then
	attempt=yes
	if up_to_date; then
		exit 0
	fi
fi
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
	give_up "GraphiQL cannot be built: npm is not installed here. It comes with Node (Debian, Ubuntu: sudo apt-get install npm)."
fi
if [ "$(node -p 'Number(process.versions.node.split(".")[0]) >= 18')" != true ]; then
	give_up "GraphiQL cannot be built: Node is $(node --version), and 18 or newer is needed."
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if [ ! graphiql/node_modules/.package-lock.json -nt graphiql/package-lock.json ]; then
	echo "Fetching the packages of GraphiQL with npm, once …" >&2
	patience=()
	if [ "$attempt" = yes ]; then
		patience=(--fetch-retries=0 --fetch-timeout=10000) # who wanted a demo does not wait for a registry that is not reached
	fi
	if ! try npm ci --no-progress --loglevel=error --prefer-offline "${patience[@]}"; then
		give_up "GraphiQL cannot be built: npm could not get its packages." "$(grep -m 3 'npm error' "$log" || tail -n 3 "$log")"
	fi
fi
if ! try npm run --silent build; then
	give_up "GraphiQL cannot be built:" "$(tail -n 20 "$log")"
fi
echo "GraphiQL is built; the next binary serves it at /." >&2
