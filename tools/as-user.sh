#!/usr/bin/env bash
# Runs a command in a copy of the tree as an ordinary user with a home of its own,
# whoever calls it: as-user.sh COMMAND…
#
# As root it takes an account without any rights; the caches of modules and builds
# are linked into the new home, so that nothing is fetched or built twice.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(id -u)" -ne 0 ]; then
	exec "$@"
fi

user=65534
home=$(mktemp -d)
trap 'chmod -R u+w "$home"; rm -rf "$home"' EXIT
chmod 711 "$home"

# link SOURCE TARGET copies a folder by hard links where the file system can.
link() {
	cp -rl "$1" "$2" 2>/dev/null || { rm -rf "$2" && cp -r "$1" "$2"; }
}

mkdir "$home/tree" "$home/tmp"
{ git ls-files -z --cached --others --exclude-standard 2>/dev/null || find . -path ./.git -prune -o -type f -print0; } |
	tar --null --ignore-failed-read -cf - -T - | tar -xf - -C "$home/tree"
link "$(go env GOMODCACHE)" "$home/modules"
link "$(go env GOCACHE)" "$home/build"
# Folders become the user's; linked files stay whose they are and are only read.
find "$home" -type d -exec chown "$user:$user" {} +
chown -R "$user:$user" "$home/tree"

cd "$home/tree"
setpriv --reuid="$user" --regid="$user" --clear-groups \
	env HOME="$home" TMPDIR="$home/tmp" GOMODCACHE="$home/modules" GOCACHE="$home/build" GOFLAGS=-buildvcs=false GOPROXY=off GOTOOLCHAIN=local "$@"
