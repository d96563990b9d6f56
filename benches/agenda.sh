#!/usr/bin/env bash
# benches/agenda.sh ENGINE [CASES]: the agenda and search, requests a second and p99, wrk at 16 connections, three runs each.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=lib.sh
source benches/lib.sh
bench_start "${1:-sqlite}" "${2:-100000}"
CONNECTIONS=16
say "| $ENGINE | requests/s | p99 | not 2xx |" "|---|---|---|---|"
for role in supervisor advocate; do
    sign_in_of "$role" "$SCRATCH/demo.txt"
    measure "GET /me/agenda, $role" /api/v1/me/agenda
    # A word of every third document, one that is nowhere, the beginning of one, and two together.
    for words in medication umbrella hous housing+letter; do
        measure "GET /search?q=$words, $role" "/api/v1/search?q=$words"
    done
done
