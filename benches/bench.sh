#!/usr/bin/env bash
# benches/bench.sh ENGINE [CASES]: requests a second and p99, wrk at 64 connections, three runs of ten seconds each.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=../.ci/lib.sh
source .ci/lib.sh
engine=${1:-sqlite}
cases=${2:-100000}
seconds=${SECONDS_EACH:-10}
runs=${RUNS:-3}
program=${ALONGSIDE:-target/release/alongside}
scratch=$(mktemp -d)
trap 'server_stop; pg_stop; rm -rf "$scratch"' EXIT
export ALONGSIDE_DATA_DIR=$scratch/data ALONGSIDE_LOG=warn ALONGSIDE_CONNECTIONS=${ALONGSIDE_CONNECTIONS:-8}
if [ "$engine" = postgres ]; then
    pg_start shared_buffers=512MB
    pg_database bench
    export ALONGSIDE_DATABASE_URL=$DATABASE_URL
fi
began=$(date +%s.%N)
"$program" demo --cases "$cases" --seed 1 >"$scratch/demo.txt"
say "demo --cases $cases on $engine: $(python3 -c "import time; print(round(time.time() - $began, 1))") s"
if [ "$engine" = postgres ]; then "$PG_BIN/psql" -qh 127.0.0.1 -p "${PG_URL##*:}" -U postgres bench -c 'VACUUM ANALYZE'; fi
server_start "$program" "$scratch/server.log"
sign_in_of supervisor "$scratch/demo.txt"

get() { curl -fsS -H "Authorization: Bearer $TOKEN" "$BASE/api/v1$1"; }
measure() { # NAME PATH [LUA]
    local run
    sign_in
    for ((run = 0; run < runs; run++)); do
        wrk -t2 -c64 -d"${seconds}s" --latency -H "Authorization: Bearer $TOKEN" ${3:+-s "$3"} "$BASE$2" >"$scratch/wrk.txt"
        printf '| %s | %s | %s | %s |\n' "$1" "$(awk '/Requests\/sec/ { print $2 }' "$scratch/wrk.txt")" "$(awk '/99%/ { print $2 }' "$scratch/wrk.txt")" \
            "$(awk '/Non-2xx/ { print $NF }' "$scratch/wrk.txt")"
    done
}
sign_in
id=$(get '/cases?status=active&limit=1' | python3 -c 'import json, sys; print(json.load(sys.stdin)["items"][0]["id"])')
client=$(get "/cases/$id" | python3 -c 'import json, sys; case = json.load(sys.stdin); print(case["client_id"], case["team_id"])')
cursor=$(BASE=$BASE TOKEN=$TOKEN python3 benches/thousandth.py)
cat >"$scratch/post.lua" <<LUA
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"client_id":"${client% *}","team_id":"${client#* }","advocacy_type":"peer","intake_source":"self","client_goal":"Stay on my medication."}'
LUA
cat >"$scratch/patch.lua" <<'LUA'
wrk.method = "PATCH"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["If-Match"] = "*"
wrk.body = '{"priority":"high"}'
LUA
say "| $engine | requests/s | p99 | not 2xx |" "|---|---|---|---|"
measure 'GET /livez (beside it)' /livez
measure 'GET /cases/{id}' "/api/v1/cases/$id"
measure 'GET /cases?status=active, page 1' '/api/v1/cases?status=active'
measure 'GET /cases?status=active, page 1,000' "/api/v1/cases?status=active&cursor=$cursor"
measure 'POST /cases' /api/v1/cases "$scratch/post.lua"
measure 'PATCH /cases/{id}' "/api/v1/cases/$id" "$scratch/patch.lua"
server_stop
"$program" verify >"$scratch/verify.txt" && say "the chain holds: $(cut -d: -f2 "$scratch/verify.txt")"
