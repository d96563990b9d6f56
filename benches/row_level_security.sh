#!/usr/bin/env bash
# benches/row_level_security.sh [CASES]: measures the cost of row-level security (AZ-09): the same server on the same database, alternately with
# and without it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=lib.sh
source benches/lib.sh
bench_start postgres "${1:-100000}"
sign_in_of supervisor "$SCRATCH/demo.txt"
sign_in
id=$(get '/cases?status=active&limit=1' | python3 -c 'import json, sys; print(json.load(sys.stdin)["items"][0]["id"])')

switch_row_level_security() { # ENABLE | DISABLE
    "$PG_BIN/psql" -qh 127.0.0.1 -p "${PG_URL##*:}" -U postgres bench -c "DO \$\$ DECLARE name TEXT; BEGIN
        FOR name IN SELECT DISTINCT tablename FROM pg_policies LOOP EXECUTE format('ALTER TABLE %I $1 ROW LEVEL SECURITY', name); END LOOP; END \$\$"
    # New connections plan their statements again.
    server_stop
    server_start "${ALONGSIDE:-target/release/alongside}" "$SCRATCH/server.log"
}

RUNS=1
say "| row-level security | requests/s | p99 | not 2xx |" "|---|---|---|---|"
for turn in 1 2 3; do
    for way in DISABLE ENABLE; do
        switch_row_level_security "$way"
        CONNECTIONS=64
        sign_in_of supervisor "$SCRATCH/demo.txt"
        measure "$way $turn: GET /livez (the session alone)" /livez
        measure "$way $turn: GET /cases/{id}" "/api/v1/cases/$id"
        measure "$way $turn: GET /cases?status=active" '/api/v1/cases?status=active'
        CONNECTIONS=16
        measure "$way $turn: GET /me/agenda" /api/v1/me/agenda
        measure "$way $turn: GET /search?q=medication" '/api/v1/search?q=medication'
    done
done
