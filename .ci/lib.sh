# shellcheck shell=bash
# Functions that the scripts share: a temporary PostgreSQL, a running server, signing in. Source this file.

say() { printf '%s\n' "$*"; }
die() { printf '%s\n' "$*" >&2; exit 1; }

# Finds the folder of PostgreSQL's programs, in PG_BIN: in the PATH first, then in the usual folders, the newest version first.
find_postgres() {
    local folder
    if command -v initdb >/dev/null && command -v postgres >/dev/null; then
        PG_BIN=$(dirname "$(readlink -f "$(command -v initdb)")")
        return 0
    fi
    while read -r folder; do
        if [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ]; then
            PG_BIN=$folder
            return 0
        fi
    done < <(printf '%s\n' /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin \
        /usr/local/pgsql/bin /Applications/Postgres.app/Contents/Versions/*/bin | sort -rV)
    return 1
}

# Finds PostgreSQL. If it is missing, root on a system with apt-get installs it.
need_postgres() {
    find_postgres && return 0
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "PostgreSQL is missing: installing it with apt-get"
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql; } >/dev/null || true
        find_postgres && return 0
    fi
    die "PostgreSQL's programs (initdb, postgres) are missing: install the server, for example 'apt-get install postgresql' or 'brew install postgresql'."
}

# Succeeds if no program listens on a port of this machine.
port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Finds a free port, in PORT. It is outside the usual ephemeral range, so that no outgoing connection takes it meanwhile.
free_port() {
    local tries
    for ((tries = 0; tries < 200; tries++)); do
        PORT=$((20000 + RANDOM % 12000))
        port_is_free "$PORT" && return 0
    done
    die "no free port was found"
}

as_postgres() {
    if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

# pg_start [SETTING=VALUE]...: starts a temporary cluster on loopback, in PG_DIR. Sets PG_PID and PG_URL (without a database).
pg_start() {
    local setting tries arguments
    need_postgres
    PG_DIR=$(mktemp -d)
    if [ "$(id -u)" = 0 ]; then
        id postgres >/dev/null 2>&1 || die "there is no user 'postgres' to run PostgreSQL as, and root may not"
        chown postgres "$PG_DIR"
    fi
    as_postgres "$PG_BIN/initdb" -D "$PG_DIR/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$PG_DIR.log" 2>&1 ||
        { cat "$PG_DIR.log" >&2; pg_stop; die "initdb failed"; }
    for ((tries = 0; tries < 5; tries++)); do
        free_port
        arguments=(-D "$PG_DIR/data" -p "$PORT" -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300)
        for setting in "$@"; do arguments+=(-c "$setting"); done
        as_postgres "$PG_BIN/postgres" "${arguments[@]}" >>"$PG_DIR.log" 2>&1 &
        if pg_await "$PORT" "$!"; then
            PG_PID=$(head -n 1 "$PG_DIR/data/postmaster.pid")
            PG_URL="postgres://postgres@127.0.0.1:$PORT"
            return 0
        fi
    done
    tail -n 20 "$PG_DIR.log" >&2
    pg_stop
    die "PostgreSQL did not start"
}

# pg_await PORT JOB: waits until the cluster is ready, or its job has ended.
pg_await() {
    local waited
    for ((waited = 0; waited < 300; waited++)); do
        if [ "$(sed -n '8s/ *$//p' "$PG_DIR/data/postmaster.pid" 2>/dev/null)" = ready ] && ! port_is_free "$1"; then return 0; fi
        kill -0 "$2" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}

# Stops that cluster, by its process id, and removes it. A trap may call it.
pg_stop() {
    local waited
    if [ -n "${PG_PID:-}" ]; then
        kill -INT "$PG_PID" 2>/dev/null || true
        for ((waited = 0; waited < 100; waited++)); do
            kill -0 "$PG_PID" 2>/dev/null || break
            sleep 0.1
        done
        kill -QUIT "$PG_PID" 2>/dev/null || true
        PG_PID=
    fi
    if [ -n "${PG_DIR:-}" ]; then
        rm -rf "$PG_DIR" "$PG_DIR.log"
        PG_DIR=
    fi
}

# pg_database NAME: creates an empty database in that cluster. Sets DATABASE_URL.
pg_database() {
    as_postgres "$PG_BIN/createdb" -h 127.0.0.1 -p "${PG_URL##*:}" -U postgres "$1"
    DATABASE_URL="$PG_URL/$1"
}

# server_start PROGRAM LOG: starts the server on a free port, with the settings of the environment. Sets SERVER_PID and BASE.
server_start() {
    local waited
    free_port
    BASE="http://127.0.0.1:$PORT"
    ALONGSIDE_LISTEN="127.0.0.1:$PORT" "$1" serve >"$2" 2>&1 &
    SERVER_PID=$!
    for ((waited = 0; waited < 300; waited++)); do
        if curl -fsS -o /dev/null "$BASE/readyz" 2>/dev/null; then return 0; fi
        kill -0 "$SERVER_PID" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 20 "$2" >&2
    server_stop
    die "the server did not start"
}

# Stops that server, by its process id. A trap may call it.
server_stop() {
    if [ -n "${SERVER_PID:-}" ]; then
        kill "$SERVER_PID" 2>/dev/null || true
        wait "$SERVER_PID" 2>/dev/null || true
        SERVER_PID=
    fi
}

# sign_in_of ROLE FILE: sets EMAIL and PASSWORD to the sign-in details that `alongside demo` has printed into FILE.
sign_in_of() {
    local line
    line=$(grep -m 1 -E "^  $1 +[^ ]+@" "$2") || die "no sign-in for $1 in $2"
    EMAIL=$(awk '{ print $2 }' <<<"$line")
    PASSWORD=$(sed -E "s/^  $1 +[^ ]+ +//; s/ +\$//" <<<"$line")
}

# Signs in at BASE with EMAIL and PASSWORD. Sets TOKEN to the access token, which is valid for ten minutes.
sign_in() {
    TOKEN=$(BASE=$BASE EMAIL=$EMAIL PASSWORD=$PASSWORD python3 - <<'PYTHON'
import json, os, urllib.request
body = json.dumps({"email": os.environ["EMAIL"], "password": os.environ["PASSWORD"]}).encode()
request = urllib.request.Request(os.environ["BASE"] + "/api/v1/auth/login", body, {"content-type": "application/json"})
print(json.load(urllib.request.urlopen(request, timeout=30))["access_token"])
PYTHON
    ) || die "the sign-in of $EMAIL failed"
}
