"""benches/reports.py BASE TOKEN PID DUMP...: reports.sh calls it with a running server and the command of the engine's own client."""

import datetime, json, subprocess, sys, time, urllib.request

BASE, TOKEN, PID, *DUMP = sys.argv[1:]
RUNS = 5


def open_(path):
    request = urllib.request.Request(f"{BASE}/api/v1{path}", headers={"Authorization": f"Bearer {TOKEN}"})
    return urllib.request.urlopen(request, timeout=120)


def timed(path, runs=RUNS):
    """The median and the slowest time in ms, and the number of rows. A request before them fills the caches."""
    took = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        with open_(path) as reply:
            body = json.load(reply)
        took.append((time.perf_counter() - began) * 1000)
    took = sorted(took[1:])
    return took[len(took) // 2], took[-1], len(body["rows"]), body["n"]


def peak():
    with open(f"/proc/{PID}/status") as status:
        lines = dict(line.split(":", 1) for line in status)
    return int(lines["VmHWM"].split()[0]) / 1024, int(lines["VmRSS"].split()[0]) / 1024


def measures():
    with open_("/reports") as reply:
        registry = json.load(reply)["items"]
    with open_("/reports/caseload_current?group_by=team") as reply:
        team = max((row for row in json.load(reply)["rows"] if row["statistic"] == "cases"), key=lambda row: row["value"])["team"]
    today = datetime.date.today()
    quarter = f"from={today - datetime.timedelta(90)}&to={today + datetime.timedelta(1)}&"
    past = (today - datetime.timedelta(200)).isoformat()
    print("| measure | one team, ms | slowest | n | organization, ms | slowest | n | organization, 200 days ago, ms |", flush=True)
    print("|---|---|---|---|---|---|---|---|")
    for measure in registry:
        period = quarter if measure["time"] == "period" else ""
        path = f"/reports/{measure['id']}?{period}"
        one = timed(f"{path}team={team}")
        all_ = timed(path, 3)
        then = timed(f"{path}as_of={past}&", 2)[0] if measure["time"] == "moment" else None
        print(
            f"| `{measure['id']}` | {one[0]:.0f} | {one[1]:.0f} | {one[3]:,} | {all_[0]:.0f} | {all_[1]:.0f} | {all_[3]:,} | "
            + (f"{then:.0f} |" if then else "|"),
            flush=True,
        )


def records():
    """Requests about 100,000 lines: the cases of as many days as have that number."""
    today = datetime.date.today()
    with open_(f"/reports/time_to_first_contact?group_by=&from={today - datetime.timedelta(400)}&to={today - datetime.timedelta(300)}") as reply:
        per_day = json.load(reply)["n"] / 100
    days = max(1, round(100_000 / max(per_day, 1)))
    first = today - datetime.timedelta(400)
    last = first + datetime.timedelta(days)
    path = f"/reports/time_to_first_contact/records?reason=bench&from={first}&to={last}"
    micros = lambda day: f"{int(datetime.datetime(day.year, day.month, day.day, 6, tzinfo=datetime.timezone.utc).timestamp()) * 1_000_000}"
    columns = (
        "c.case_number, cl.preferred_name, t.name, u.display_name, f.advocacy_type, f.intake_source, "
        "(f.first_contact_at - f.opened_at) / 86400000000, f.first_contact_at IS NOT NULL, f.first_contact_at IS NULL, f.case_id"
    )
    if "psql" not in DUMP[0]:
        columns = columns.replace("f.case_id", "lower(hex(f.case_id))")
    sql = (
        f"SELECT {columns} FROM case_facts AS f JOIN cases AS c ON c.organization_id = f.organization_id AND c.id = f.case_id "
        "JOIN clients AS cl ON cl.organization_id = f.organization_id AND cl.id = f.client_id "
        "JOIN teams AS t ON t.organization_id = f.organization_id AND t.id = f.team_id "
        "LEFT JOIN users AS u ON u.organization_id = f.organization_id AND u.id = f.lead_id "
        f"WHERE f.replaced_at = 9223372036854775807 AND f.voided_at = 9223372036854775807 AND f.opened_at >= {micros(first)} AND f.opened_at < {micros(last)} "
        "AND (f.first_contact_at IS NOT NULL OR f.status NOT IN ('declined', 'closed')) ORDER BY f.team_id, f.case_id"
    )
    psql = "psql" in DUMP[0]
    command = [*DUMP, f"COPY ({sql}) TO STDOUT CSV"] if psql else [DUMP[0], "-csv", *DUMP[1:], sql]
    before = peak()
    print("| | lines | MB | s | lines/s |\n|---|---|---|---|---|")
    for _ in range(4):
        began = time.perf_counter()
        lines = size = 0
        with open_(path) as reply:
            while chunk := reply.read(1 << 16):
                lines += chunk.count(b"\n")
                size += len(chunk)
        ours = time.perf_counter() - began
        print(f"| sent | {lines - 1:,} | {size / 1e6:.1f} | {ours:.2f} | {lines / ours:,.0f} |")
        began = time.perf_counter()
        out = subprocess.run(command, capture_output=True, check=True).stdout
        theirs = time.perf_counter() - began
        rows = out.count(b"\n")
        print(f"| dumped by the engine | {rows:,} | {len(out) / 1e6:.1f} | {theirs:.2f} | {rows / theirs:,.0f} |", flush=True)
    after = peak()
    print(f"memory: {before[1]:.0f} MiB before, {after[1]:.0f} after, peak {before[0]:.0f} -> {after[0]:.0f} MiB")


measures()
records()
