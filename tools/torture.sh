#!/usr/bin/env bash
# The long form of the fault suite: torture.sh [PATTERN]
#
# Real processes are killed, starved of disk and of Postgres, again and again, for
# an hour or more. JEONGSAN_ONLINE_RETAIL names the "Online Retail" data set, which
# is not kept here; without it, generated rows of the same shape and number are
# used. PATTERN selects tests, as in: torture.sh 'TestFaults/node'.
# JEONGSAN_FAULT_SEED repeats a run by the seed that it printed.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -n "${JEONGSAN_ONLINE_RETAIL:-}" ]; then
	JEONGSAN_ONLINE_RETAIL=$(realpath "$JEONGSAN_ONLINE_RETAIL")
	export JEONGSAN_ONLINE_RETAIL
fi
export JEONGSAN_LONG=1 JEONGSAN_TORTURE=1 JEONGSAN_REQUIRE=all
"${GO:-go}" test -count=1 -v -timeout 8h -run "${1:-^TestFaults$}" ./cmd/jeongsan
# Among them: a node of the event store killed 200 times under load.
"${GO:-go}" test -count=1 -timeout 2h ./eventstore/command/... ./eventstore/node/...
