#!/usr/bin/env bash
# benches/outage.sh: stops and freezes PostgreSQL while callers read and write. Measures the answers, the time until the server works again, and
# whether each write is stored exactly once (RL-02, TS-06).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=lib.sh
source benches/lib.sh
bench_start postgres 200
sign_in_of supervisor "$SCRATCH/demo.txt"
sign_in
cat >"$SCRATCH/probe.py" <<'PYTHON'
"""probe.py away|back|under-way SECONDS: sends requests all the time, and ends with status 1 if an answer is wrong.

under-way: eight callers write while the database freezes. Afterwards each unacknowledged write is repeated with its key, and the records are counted."""
import collections, json, os, sys, threading, time, urllib.error, urllib.request, uuid

base, token, what, seconds = os.environ["BASE"], os.environ["TOKEN"], sys.argv[1], float(sys.argv[2])


def ask(path, body=None):
    headers = {"content-type": "application/json"}
    if path.startswith("/api/"):
        headers["authorization"] = f"Bearer {token}"
    began = time.monotonic()
    try:
        reply = urllib.request.urlopen(urllib.request.Request(base + path, body, headers), timeout=30)
        status, after = reply.status, None
        reply.read()
    except urllib.error.HTTPError as refused:
        status, after = refused.code, refused.headers["retry-after"]
        refused.read()
    return status, after, time.monotonic() - began


wrong, longest, asked = [], {}, {}


def go_on(name, path, body, good):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        status, after, took = ask(path, body)
        longest[name] = max(longest.get(name, 0), took)
        asked[name] = asked.get(name, 0) + 1
        if not good(status, after, took):
            wrong.append((name, status, after, round(took, 2)))
        time.sleep(0.05)


def under_way():
    """Each write has a unique name and a key. At the end each record must exist exactly once."""
    mark, sent, codes = uuid.uuid4().hex[:8], [], collections.Counter()

    def post(key, name):
        headers = {"content-type": "application/json", "authorization": f"Bearer {token}", "idempotency-key": key}
        began = time.monotonic()
        try:
            reply = urllib.request.urlopen(urllib.request.Request(base + "/api/v1/providers", json.dumps({"name": name}).encode(), headers), timeout=40)
            status, code = reply.status, "stored"
            reply.read()
        except urllib.error.HTTPError as refused:
            status, code = refused.code, json.load(refused)["code"]
            if not refused.headers["retry-after"]:
                wrong.append((name, "no retry-after"))
        took = time.monotonic() - began
        if took > 11:
            wrong.append((name, status, code, f"took {took:.1f} s"))
        return status, code

    def write(caller):
        end, n = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            key, name = str(uuid.uuid4()), f"{mark} {caller} {n}"
            sent.append((key, name))
            status, code = post(key, name)
            codes[code] += 1
            n += 1
            while status != 201:
                time.sleep(0.2)
                status, code = post(key, name)

    callers = [threading.Thread(target=write, args=(caller,)) for caller in range(8)]
    [caller.start() for caller in callers]
    [caller.join() for caller in callers]
    there, cursor = collections.Counter(), ""
    while True:
        request = urllib.request.Request(f"{base}/api/v1/providers?q={mark}&limit=200{cursor}", headers={"authorization": f"Bearer {token}"})
        page = json.load(urllib.request.urlopen(request, timeout=30))
        there.update(provider["name"] for provider in page["items"])
        if not page["page"]["has_more"]:
            break
        cursor = "&cursor=" + page["page"]["next_cursor"]
    wrong.extend((name, there[name], "times") for _, name in sent if there[name] != 1)
    print(f"  under way: {len(sent)} writes, first answers {dict(codes)}; each is there once", *wrong[:5])
    sys.exit(1 if wrong else 0)


note = json.dumps({"name": "Riverside Clinic"}).encode()
if what == "under-way":
    under_way()
if what == "away":
    # Two seconds for the timeout of the database, and half a second more for a busy machine. Later requests wait no longer.
    refused = lambda status, after, took: status == 503 and after and took < 2.5
    jobs = [("read", "/api/v1/cases?limit=1", None, refused), ("write", "/api/v1/providers", note, refused), ("ready", "/readyz", None, refused)]
else:
    began = time.monotonic()
    while ask("/api/v1/cases?limit=1")[0] != 200 or ask("/api/v1/providers", note)[0] != 201 or ask("/readyz")[0] != 200:
        if time.monotonic() - began > 30:
            sys.exit("it is not back after 30 s")
        time.sleep(0.05)
    print(f"all is well {time.monotonic() - began:.1f} s after its return", end="; ")
    jobs = [("read", "/api/v1/cases?limit=1", None, lambda status, *_: status == 200), ("write", "/api/v1/providers", note, lambda status, *_: status == 201)]
    if time.monotonic() - began > 5:
        wrong.append("it took too long")
jobs.append(("alive", "/livez", None, lambda status, after, took: status == 200 and took < 0.5))
threads = [threading.Thread(target=go_on, args=job) for job in jobs for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(", ".join(f"{name} {asked[name]} times, {longest[name]:.2f} s at the most" for name in asked), *wrong[:5])
sys.exit(1 if wrong else 0)
PYTHON
probe() { BASE=$BASE TOKEN=$TOKEN python3 "$SCRATCH/probe.py" "$@"; }
port=${PG_URL##*:}
start_again() {
    as_postgres "$PG_BIN/postgres" -D "$PG_DIR/data" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300 >>"$PG_DIR.log" 2>&1 &
    pg_await "$port" "$!" || die "PostgreSQL did not start again"
    PG_PID=$(head -n 1 "$PG_DIR/data/postmaster.pid")
}
# Stops the first process of PostgreSQL before the others, so that it starts no new ones.
freeze() {
    keeper=$(ps -o ppid= -p "$PG_PID")
    kill -STOP "$PG_PID"
    frozen=$(pgrep -P "$PG_PID" || true)
    # shellcheck disable=SC2086
    kill -STOP $frozen || true
}
# Also continues runuser, which started PostgreSQL and stopped with it: it must collect the exit status.
thaw() {
    # shellcheck disable=SC2086
    kill -CONT $frozen "$PG_PID" $keeper 2>/dev/null || true
}
frozen=
keeper=
trap 'thaw; server_stop; pg_stop; rm -rf "$SCRATCH"' EXIT
say "as ever:"
probe back 2
for round in 1 2 3; do
    say "" "round $round, stopped at once:"
    kill -QUIT "$PG_PID"
    while kill -0 "$PG_PID" 2>/dev/null; do sleep 0.1; done
    probe away 5
    start_again
    probe back 3
    say "round $round, frozen:"
    probe under-way 12 &
    under_way=$!
    sleep 1
    freeze
    probe away 8
    sleep 4
    thaw
    wait "$under_way"
    probe back 3
done
server_stop
"${ALONGSIDE:-target/release/alongside}" verify >/dev/null && say "" "the chain holds"
