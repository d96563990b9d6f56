#!/usr/bin/env bash
# benches/load.sh ENGINE: measures what an advocate notices during many sign-in attempts, slow request bodies and compressed bodies.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=lib.sh
source benches/lib.sh
# Behind a proxy that is not trusted the server limits no address, so that each sign-in attempt has its full cost.
export ALONGSIDE_BEHIND_PROXY=true ALONGSIDE_DOCS=true
bench_start "${1:-sqlite}" 1000
sign_in_of supervisor "$SCRATCH/demo.txt"
sign_in
id=$(get '/cases?status=active&limit=1' | python3 -c 'import json, sys; print(json.load(sys.stdin)["items"][0]["id"])')
memory() { awk '/VmRSS/ { print $2 / 1024 " MiB" }' "/proc/$SERVER_PID/status"; }
# p99 of an advocate: sixteen connections that read a case.
healthy() { CONNECTIONS=16 SECONDS_EACH=30 RUNS=1 load "$1" "/api/v1/cases/$id"; }
cat >"$SCRATCH/login.lua" <<LUA
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"email":"$EMAIL","password":"not the password of anybody"}'
LUA

say "| $ENGINE | requests/s | p99 | not 2xx |" "|---|---|---|---|"
healthy "GET /cases/{id}, nothing else"
wrk -t1 -c200 -d30s --latency -s "$SCRATCH/login.lua" "$BASE/api/v1/auth/login" >"$SCRATCH/flood.txt" &
flood=$!
sleep 0.5
healthy "the same, while 200 connections try passwords"
wait "$flood"
say "tries: $(awk '/Requests\/sec/ { print $2 }' "$SCRATCH/flood.txt") a second"
python3 benches/slow.py "$BASE" 500 >"$SCRATCH/slow.txt" &
slow=$!
sleep 3
healthy "the same, while 500 bodies come drop by drop"
wait "$slow" || true
cat "$SCRATCH/slow.txt"
python3 benches/slow.py "$BASE" 500 readers >"$SCRATCH/slow.txt" &
slow=$!
sleep 3
healthy "the same, while 500 take nothing of their answers"
wait "$slow" || true
cat "$SCRATCH/slow.txt"
before=$(memory)
python3 - "$BASE" <<'PYTHON'
import gzip, sys, urllib.error, urllib.request
body = gzip.compress(b" " * 10_000_000, 9)[:10_240]
for _ in range(100):
    request = urllib.request.Request(sys.argv[1] + "/api/v1/auth/login", body, {"content-type": "application/json", "content-encoding": "gzip"})
    try:
        urllib.request.urlopen(request)
    except urllib.error.HTTPError as refused:
        assert refused.code == 415, refused.code
print(f"100 bodies of {len(body)} bytes that would unpack to 10 MB: 415 each")
PYTHON
say "memory before $before, after $(memory)"
