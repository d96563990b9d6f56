#!/usr/bin/env bash
# benches/disk_full.sh [ROUNDS]: fills the disk of the SQLite file and the log, and checks the answers and the stored changes (RL-04, LG-07, TS-06).
# Needs root, because it mounts a small disk.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=../.ci/lib.sh
source .ci/lib.sh
program=${ALONGSIDE:-target/release/alongside}
SCRATCH=$(mktemp -d)
mkdir "$SCRATCH/disk"
trap 'server_stop; umount "$SCRATCH/disk" 2>/dev/null; rm -rf "$SCRATCH"' EXIT
mount -t tmpfs -o size=96m alongside-full "$SCRATCH/disk" || die "only root may mount a disk to fill"
export ALONGSIDE_DATA_DIR=$SCRATCH/disk ALONGSIDE_LOG=debug
"$program" demo --cases 200 --seed 1 >"$SCRATCH/demo.txt"
server_start "$program" "$SCRATCH/disk/server.log"
sign_in_of supervisor "$SCRATCH/demo.txt"
sign_in
BASE=$BASE TOKEN=$TOKEN DISK=$SCRATCH/disk ROUNDS=${1:-50} python3 - <<'PYTHON'
import collections, json, os, sys, time, urllib.error, urllib.request

base, token, disk = os.environ["BASE"], os.environ["TOKEN"], os.environ["DISK"]
filler = os.path.join(disk, "filler")


def ask(path, body=None):
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    try:
        reply = urllib.request.urlopen(urllib.request.Request(base + path, data, headers), timeout=30)
        return reply.status, json.load(reply), None
    except urllib.error.HTTPError as refused:
        refused.read()
        return refused.code, None, refused.headers["retry-after"]


def provider(n):
    return ask("/api/v1/providers", {"name": f"Clinic {n}", "description": "word " * 800})


def fill():
    with open(filler, "ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass


kept, answers, slowest = [], collections.Counter(), 0
for round in range(int(os.environ["ROUNDS"])):
    fill()
    for n in range(40):
        status, body, after = provider(f"{round}.{n}")
        answers["write " + str(status)] += 1
        if status == 201:
            kept.append(body["id"])
        elif status not in (503, 507) or not after:
            sys.exit(f"a write on a full disk was answered {status}")
    for path in ("/livez", "/readyz", "/api/v1/providers?limit=1"):
        answers[f"{path} {ask(path)[0]}"] += 1
    os.remove(filler)
    began = time.monotonic()
    # A list writes an audit entry, so this also checks that reads work again.
    while provider(f"{round}.after")[0] != 201 or any(ask(path)[0] != 200 for path in ("/readyz", "/api/v1/providers?limit=1")):
        if time.monotonic() - began > 5:
            sys.exit("it does not recover")
        time.sleep(0.02)
    slowest = max(slowest, time.monotonic() - began)
lost = [id for id in kept if ask(f"/api/v1/providers/{id}")[0] != 200]
print(f"{os.environ['ROUNDS']} times full: {dict(answers)}; {len(kept)} acknowledged meanwhile, {len(lost)} lost; well again within {slowest:.2f} s")
sys.exit(1 if lost else 0)
PYTHON
server_stop
lost=$(grep -c '"message":"log lines were lost"' "$SCRATCH/disk/server.log" || true)
[ "$lost" != 0 ] || die "the log does not say that lines were lost: was its disk never full?"
say "the log was on the same disk, and says $lost times how many of its lines were lost"
"$program" verify >/dev/null && say "the file is sound, and the chain holds"
