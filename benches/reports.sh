#!/usr/bin/env bash
# benches/reports.sh ENGINE [CASES]: measures the time of each measure for one team and for the whole organization, and the speed of a list of
# records, compared with the engine's own dump of the same rows. KEEP=1 keeps the database and its server until you press Enter.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=lib.sh
source benches/lib.sh
cases=${2:-1000000}
teams=$((cases / 20000 > 1 ? cases / 20000 : 2))
DEMO_OPTIONS="--teams $teams" bench_start "$1" "$cases"
sign_in_of supervisor "$SCRATCH/demo.txt"
sign_in
if [ "$1" = postgres ]; then
    dump=("$PG_BIN/psql" -qh 127.0.0.1 -p "${PG_URL##*:}" -U postgres bench -c)
else
    dump=(sqlite3 -readonly "$ALONGSIDE_DATA_DIR/alongside.db")
fi
python3 benches/reports.py "$BASE" "$TOKEN" "$SERVER_PID" "${dump[@]}"
if [ -n "${KEEP:-}" ]; then
    say "$BASE" "$TOKEN" "${dump[*]}"
    read -r _
fi
