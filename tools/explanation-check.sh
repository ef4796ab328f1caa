#!/usr/bin/env bash
# Recomputes every leg of a thousand random transactions and more from their
# explanations alone, with a script that shares nothing with the engine; then damages
# explanations, which it must notice: explanation-check.sh BINARY [SEED]
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$1 seed=${2:-1}
export PYTHONDONTWRITEBYTECODE=1

if ! command -v python3 >/dev/null; then
	if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
		echo "python3 is not here. Install it (Debian, Ubuntu: sudo apt-get install python3)." >&2
		exit 1
	fi
	echo "python3 is not installed here: installing the package python3." >&2
	apt-get update -q >&2
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3 >&2
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for file in examples/schedules/*.yaml; do
	"$binary" schedule simulate "$file" --random 100 --seed "$seed" --json >"$work/$(basename "$file" .yaml).json"
done
python3 tools/explanation/check.py --at-least 1000 "$work"/*.json

# One amount is changed by one unit in its last place, in one leg of each file.
python3 tools/explanation/damage.py "$work"/*.json
for file in "$work"/*.json.damaged; do
	if python3 tools/explanation/check.py "$file" >"$work/out" 2>&1; then
		echo "$file: a damaged leg was not noticed" >&2
		exit 1
	fi
done
echo "a damaged leg was noticed in each of $(ls "$work"/*.damaged | wc -l) files"
