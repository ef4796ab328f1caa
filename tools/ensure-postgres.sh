#!/usr/bin/env bash
# Makes sure that a Postgres server binary is there: Jeongsan starts a private
# server from it, in its own data directory, and never touches another one.
#
# Looks where the program looks (internal/postgres/binaries.go). Where there is
# none, installs the system's package if this user may do so without a password,
# and says so; else names the package and ends with 1.
set -euo pipefail

complete() { [ -x "$1/postgres" ] && [ -x "$1/initdb" ]; }

find_binaries() {
	local candidate resolved
	if [ -n "${JEONGSAN_POSTGRES_BIN:-}" ]; then
		complete "$JEONGSAN_POSTGRES_BIN"
		return
	fi
	if candidate=$(command -v postgres); then
		resolved=$(readlink -f "$candidate" || true)
		if complete "$(dirname "$candidate")" || { [ -n "$resolved" ] && complete "$(dirname "$resolved")"; }; then
			return 0
		fi
	fi
	for candidate in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/local/pgsql/bin /opt/homebrew/opt/postgresql@*/bin; do
		if complete "$candidate"; then
			return 0
		fi
	done
	return 1
}

if find_binaries; then
	exit 0
fi

if [ -n "${JEONGSAN_POSTGRES_BIN:-}" ]; then
	echo "JEONGSAN_POSTGRES_BIN=$JEONGSAN_POSTGRES_BIN does not hold the programs postgres and initdb." >&2
	exit 1
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
	if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
		as_root=(sudo -n)
	else
		as_root=(false)
	fi
fi

package=postgresql
install=()
if command -v apt-get >/dev/null; then
	install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$package")
elif command -v dnf >/dev/null; then
	package=postgresql-server
	install=("${as_root[@]}" dnf install -y "$package")
elif command -v apk >/dev/null; then
	install=("${as_root[@]}" apk add "$package")
fi

if [ "${#install[@]}" -eq 0 ] || [ "${as_root[0]:-}" = false ]; then
	echo "No Postgres server is installed here. Install the package \"$package\" with your package manager" >&2
	echo "(Debian, Ubuntu: sudo apt-get install postgresql), or name the directory of its programs in JEONGSAN_POSTGRES_BIN." >&2
	exit 1
fi

echo "No Postgres server is installed here: installing the package \"$package\" with the system's package manager." >&2
if [ "$package" = postgresql ] && command -v apt-get >/dev/null; then
	"${as_root[@]}" apt-get update -q >&2
fi
"${install[@]}" >&2
if ! find_binaries; then
	echo "The package \"$package\" was installed, but its programs postgres and initdb are not where they are looked for." >&2
	echo "Name their directory in JEONGSAN_POSTGRES_BIN." >&2
	exit 1
fi
