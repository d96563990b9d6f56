# shellcheck shell=bash
# Functions that the measurements share: a database with invented cases, a server on it, wrk. Source this file in the root of the repository.
# SECONDS_EACH, RUNS, ALONGSIDE_CONNECTIONS and ALONGSIDE (the program) may be set.

# shellcheck source=../.ci/lib.sh
source .ci/lib.sh
SECONDS_EACH=${SECONDS_EACH:-10}
RUNS=${RUNS:-3}
CONNECTIONS=64

# bench_start ENGINE CASES: fills a temporary database and starts the server on it. Both are removed when the script ends.
bench_start() {
    local program=${ALONGSIDE:-target/release/alongside} began
    ENGINE=$1
    SCRATCH=$(mktemp -d)
    trap 'server_stop; pg_stop; rm -rf "$SCRATCH"' EXIT
    export ALONGSIDE_DATA_DIR=$SCRATCH/data ALONGSIDE_LOG=warn
    if [ "$ENGINE" = postgres ]; then
        pg_start shared_buffers=512MB
        pg_database bench
        export ALONGSIDE_DATABASE_URL=$DATABASE_URL
    fi
    began=$(date +%s.%N)
    # shellcheck disable=SC2086 # options, if any
    "$program" demo --cases "$2" --seed 1 ${DEMO_OPTIONS:-} >"$SCRATCH/demo.txt"
    say "demo --cases $2 on $ENGINE: $(python3 -c "import time; print(round(time.time() - $began, 1))") s"
    if [ "$ENGINE" = postgres ]; then "$PG_BIN/psql" -qh 127.0.0.1 -p "${PG_URL##*:}" -U postgres bench -c 'VACUUM ANALYZE'; fi
    server_start "$program" "$SCRATCH/server.log"
}

get() { curl -fsS -H "Authorization: Bearer $TOKEN" "$BASE/api/v1$1"; }

measure() { # NAME PATH [LUA]
    sign_in
    load "$@"
}

load() { # the same, of who is signed in already
    local run
    for ((run = 0; run < RUNS; run++)); do
        wrk -t2 -c"$CONNECTIONS" -d"${SECONDS_EACH}s" --latency -H "Authorization: Bearer $TOKEN" ${3:+-s "$3"} "$BASE$2" >"$SCRATCH/wrk.txt"
        printf '| %s | %s | %s | %s |\n' "$1" "$(awk '/Requests\/sec/ { print $2 }' "$SCRATCH/wrk.txt")" "$(awk '/ 99%/ { print $2 }' "$SCRATCH/wrk.txt")" \
            "$(awk '/Non-2xx/ { print $NF }' "$SCRATCH/wrk.txt")"
    done
}
