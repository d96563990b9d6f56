#!/usr/bin/env bash
# benches/bench.sh ENGINE [CASES]: measures requests per second and p99 with wrk, in three runs of ten seconds each, with 64 connections (16 for
# the agenda and search).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=lib.sh
source benches/lib.sh
bench_start "${1:-sqlite}" "${2:-100000}"
sign_in_of supervisor "$SCRATCH/demo.txt"
sign_in
id=$(get '/cases?status=active&limit=1' | python3 -c 'import json, sys; print(json.load(sys.stdin)["items"][0]["id"])')
client=$(get "/cases/$id" | python3 -c 'import json, sys; case = json.load(sys.stdin); print(case["client_id"], case["team_id"])')
cursor=$(BASE=$BASE TOKEN=$TOKEN python3 benches/cursor_of_page_1000.py)
cat >"$SCRATCH/post.lua" <<LUA
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"client_id":"${client% *}","team_id":"${client#* }","advocacy_type":"peer","intake_source":"self","client_goal":"Stay on my medication."}'
LUA
cat >"$SCRATCH/patch.lua" <<'LUA'
wrk.method = "PATCH"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["If-Match"] = "*"
wrk.body = '{"priority":"high"}'
LUA
say "| $ENGINE | requests/s | p99 | not 2xx |" "|---|---|---|---|"
measure 'GET /livez (the session alone)' /livez
measure 'GET /cases/{id}' "/api/v1/cases/$id"
measure 'GET /cases?status=active, page 1' '/api/v1/cases?status=active'
measure 'GET /cases?status=active, page 1,000' "/api/v1/cases?status=active&cursor=$cursor"
# The requests that advocates and supervisors send most often, with 16 connections.
CONNECTIONS=16
for role in supervisor advocate; do
    sign_in_of "$role" "$SCRATCH/demo.txt"
    measure "GET /me/agenda, $role" /api/v1/me/agenda
    # A word of every third document, a word of no document, the beginning of a word, and two words.
    for words in medication umbrella hous housing+letter; do
        measure "GET /search?q=$words, $role" "/api/v1/search?q=$words"
    done
done
CONNECTIONS=64
sign_in_of supervisor "$SCRATCH/demo.txt"
measure 'POST /cases' /api/v1/cases "$SCRATCH/post.lua"
measure 'PATCH /cases/{id}' "/api/v1/cases/$id" "$SCRATCH/patch.lua"
server_stop
"${ALONGSIDE:-target/release/alongside}" verify >"$SCRATCH/verify.txt" && say "the chain holds: $(cut -d: -f2 "$SCRATCH/verify.txt")"
