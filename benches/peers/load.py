"""peers.sh calls this: `notes SYSTEM` writes the notes with rare words, `load SECONDS SYSTEM...` runs the workloads and prints the table.

SYSTEM is NAME=BASE,PID,POSTGRES_PID. SCRATCH is the folder with the data of each engine, PSQL the command that asks PostgreSQL.
"""

import concurrent.futures, datetime, json, os, pathlib, random, re, shlex, sqlite3, statistics, subprocess, sys, time, urllib.request, uuid

HERE, SCRATCH = pathlib.Path(__file__).parent, pathlib.Path(os.environ["SCRATCH"])
TITLES = {
    "sqlite": "ours, SQLite",
    "postgres": "ours, PostgreSQL",
    "before-sqlite": "before, SQLite",
    "before-postgres": "before, PostgreSQL",
    "PostgREST": "PostgREST",
    "bare": "bare",
}
RARE = {"marigold": 20, "samphire": 200}  # how many cases there are for each note with the word; a case has five notes
BY_ID = ("/cases/%ID", "/cases?id=eq.%ID", "/cases/%ID")
FIRST = ("/cases?status=active", "/cases?status=eq.active&order=opened_at.desc,id.desc&limit=50", "/cases?status=active")
NEXT = ("&cursor=@CURSOR", "&opened_at=lte.@AT&or=(opened_at.lt.@AT,id.lt.@AFTER)", "&after_at=@AT&after_id=@AFTER")
NEW = '{"client_id":"%ID","team_id":"@TEAM","advocacy_type":"peer","intake_source":"self","client_goal":"Stay on my medication."}'
OPEN = "/reports/barriers_open"
NOTES = "/notes?select=id,case_id,occurred_at,body&order=occurred_at.desc&limit=20&words=plfts(simple)."


def searched(words):
    return "/search?q=" + words, NOTES + words, "/search?q=" + words


# Name, connections (0: one request at a time, and its time), method, file of ids, bodies, the address of ours, of PostgREST and of the bare service.
# Signing in: one account is refused more than four tries at a time.
WORKLOADS = [
    ("read a random case", 32, "GET", "cases", "", *BY_ID),
    ("the same", 1, "GET", "cases", "", *BY_ID),
    ("the same", 64, "GET", "cases", "", *BY_ID),
    ("list of 50", 32, "GET", "cases", "", *FIRST),
    ("page 1,000", 32, "GET", "cases", "", *(first + more for first, more in zip(FIRST, NEXT))),
    ("search: a word in all notes", 8, "GET", "cases", "", *searched("about")),
    ("search: in 14 %", 8, "GET", "cases", "", *searched("library")),
    ("search: in 1 %", 8, "GET", "cases", "", *searched("marigold")),
    ("search: three words, in 0.3 %", 8, "GET", "cases", "", *searched("library+thursday+forms")),
    ("search: in 0.1 %", 8, "GET", "cases", "", *searched("samphire")),
    ("search: in none", 8, "GET", "cases", "", *searched("umbrella")),
    ("open barriers by severity, provider", 4, "GET", "cases", "", OPEN + "?group_by=severity,provider", "/open_barriers", "/open_barriers"),
    ("caseload by advocate", 4, "GET", "cases", "", "/reports/caseload_current?group_by=advocate", "/caseload", "/caseload"),
    ("export of the open barriers, s", 0, "GET", "cases", "", OPEN + "/records?reason=Bench+of+it", "/open_barrier_rows", "/open_barrier_rows"),
    ("create a case", 32, "POST", "clients", NEW, "/cases", "/cases", "/cases"),
    ("change a random case", 32, "PATCH", "routine", '{"priority":"high"}|{"priority":"routine"}', *BY_ID),
    ("sign in", 4, "POST", "cases", "@LOGIN", "/auth/login", None, "/login"),
]


class System:
    def __init__(self, argument):
        name, rest = argument.split("=", 1)
        base, pid, postgres = rest.split(",")
        self.name, self.pid, self.postgres = TITLES[name], int(pid), int(postgres or 0)
        self.ours, self.before = name not in ("PostgREST", "bare"), name.startswith("before-")
        self.engine = "sqlite" if name.endswith("sqlite") else "postgres"
        self.base = base + "/api/v1" * self.ours
        self.headers = {"Content-Type": "application/json", "Prefer": "return=representation", "If-Match": "*"}
        self.idle = self.memory("VmRSS")
        demo = (SCRATCH / self.engine / "demo.txt").read_text()
        email, password = re.search(r"^  supervisor +(\S+) +(\S+)", demo, re.M).groups()
        self.values = {"@LOGIN": json.dumps({"email": email, "password": password})}

    def column(self, sql):
        if self.engine == "postgres":
            return subprocess.run([*shlex.split(os.environ["PSQL"]), "-Atc", sql], check=True, capture_output=True, text=True).stdout.split()
        connection = sqlite3.connect(f"file:{SCRATCH}/sqlite/alongside.db?mode=ro", uri=True)
        return [str(uuid.UUID(bytes=id)) for (id,) in connection.execute(sql)]

    def prepare(self):
        """Finds the ids and the page on which the workloads run."""

        def ids(name, sql):
            self.values[name] = str(SCRATCH / f"{self.engine}.{name}")
            pathlib.Path(self.values[name]).write_text("\n".join(self.column(sql)) + "\n")

        ids("cases", "SELECT id FROM cases WHERE status <> 'entered_in_error'")
        ids("routine", "SELECT id FROM cases WHERE status = 'active' AND priority = 'routine'")
        team = self.values["@TEAM"] = self.column("SELECT id FROM teams ORDER BY id LIMIT 1")[0]
        ids("clients", "SELECT id FROM clients WHERE team_id = " + (f"x'{team.replace('-', '')}'" if self.engine == "sqlite" else f"'{team}'"))
        if self.ours:
            self.sign_in()
            found = {**os.environ, "BASE": self.base.removesuffix("/api/v1"), "TOKEN": self.headers["Authorization"].split()[1]}
            command = [sys.executable, HERE.parent / "cursor_of_page_1000.py"]
            self.values["@CURSOR"] = subprocess.run(command, env=found, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        else:
            self.values["@AT"], self.values["@AFTER"] = self.column(
                """WITH active AS (SELECT * FROM plain.cases WHERE status = 'active')
                SELECT to_char(opened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || ' ' || id FROM active
                ORDER BY opened_at DESC, id DESC OFFSET (SELECT least(49949, count(*) - 51) FROM active) LIMIT 1"""
            )

    def fill(self, text):
        for name, value in self.values.items():
            text = text.replace(name, value) if name.startswith("@") else text
        return text

    def open(self, method, address, body="", accept="application/json"):
        headers = {**self.headers, "Accept": accept}
        return urllib.request.urlopen(urllib.request.Request(self.base + address, body.encode() or None, headers, method=method), timeout=120)

    def size(self, address, accept="application/json"):
        with self.open("GET", address, accept=accept) as reply:
            return sum(map(len, iter(lambda: reply.read(1 << 16), b"")))

    def sign_in(self):
        if self.ours:
            self.headers["Authorization"] = "Bearer " + json.load(self.open("POST", "/auth/login", self.values["@LOGIN"]))["access_token"]

    def memory(self, what):
        return int(re.search(rf"{what}:\s+(\d+)", pathlib.Path(f"/proc/{self.pid}/status").read_text())[1]) / 1024

    def usage(self):
        """CPU in ms, and KiB given to write(2) and to the disk, by the server and PostgreSQL, with what their ended children used."""
        pids, used = [self.pid], [0, 0, 0]
        if self.postgres:
            pids += [self.postgres, *map(int, pathlib.Path(f"/proc/{self.postgres}/task/{self.postgres}/children").read_text().split())]
        for pid in pids:
            try:
                ticks = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11 : 15 if pid in pids[:2] else 13]
                written = dict(line.split(": ") for line in pathlib.Path(f"/proc/{pid}/io").read_text().splitlines())
            except (FileNotFoundError, ProcessLookupError):
                continue
            spent = sum(map(int, ticks)) * 1000 / os.sysconf("SC_CLK_TCK"), int(written["wchar"]) / 1024, int(written["write_bytes"]) / 1024
            used = [sum(pair) for pair in zip(used, spent)]
        return used

    def run(self, connections, method, ids, bodies, address, seconds):
        """Requests per second (or seconds a request), p50, p99, failed ones, and what each request used."""
        self.sign_in()
        address, bodies, started = self.fill(address), self.fill(bodies), self.usage()
        if connections:
            threads = min(2, connections)
            asked = {"METHOD": method, "ADDRESS": "/api/v1" * self.ours + address, "BODIES": bodies, "IDS": self.values[ids], "THREADS": str(threads)}
            headers = [part for header in self.headers.items() for part in ("-H", ": ".join(header))]
            command = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", HERE / "random.lua", *headers, self.base]
            out = subprocess.run(command, env={**os.environ, **asked}, check=True, stdout=subprocess.PIPE, text=True).stdout
            count, took, p50, p99, failed = map(float, re.search(r"^done\t(.*)", out, re.M)[1].split())
            rate = count / took
        else:
            times, count, failed = [], 3, 0
            for _ in range(count):
                began = time.perf_counter()
                self.size(address, "text/csv")
                times.append(time.perf_counter() - began)
            rate, p50, p99 = statistics.median(times), statistics.median(times) * 1000, max(times) * 1000
        used = [(after - before) / max(count, 1) for before, after in zip(started, self.usage())]
        return rate, p50, p99, int(failed), *used


def notes(system):
    """Writes the notes with rare words, at random times, so that they are not all the newest."""
    system.sign_in()
    cases, total, chance = system.column("SELECT id FROM cases WHERE status = 'active'"), len(system.column("SELECT id FROM cases")), random.Random(1)

    def write(word):
        moment = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=chance.randrange(1, 700 * 1440))
        note = {"kind": "progress", "body": f"Spoke about the {word} group.", "occurred_at": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}
        system.open("POST", f"/cases/{chance.choice(cases)}/notes", json.dumps(note)).close()

    wanted = [word for word, among in RARE.items() for _ in range(total // among)]
    chance.shuffle(wanted)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(write, wanted))


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def load(seconds, systems):
    for system in systems:
        system.prepare()
    now = [system for system in systems if system.ours and not system.before]
    pairs = [(ours, peer) for ours in now for peer in systems if not peer.ours or peer.before and peer.engine == ours.engine]
    head = [f"{system.name}: requests/s (p50, p99 ms)" for system in systems] + [f"{ours.name} ÷ {peer.name}" for ours, peer in pairs]
    head += ["CPU, ms a request", "KiB written a request", "KiB to the disk", "not 2xx"]
    print("| workload | " + " | ".join(head) + " |\n|" + "---|" * (len(head) + 1), flush=True)
    for name, connections, method, ids, bodies, ours, *peers in WORKLOADS:
        found = {}
        for system in systems:
            address = ours if system.ours else peers[system.name == "bare"]
            if address is not None:
                if connections and method == "GET":
                    system.run(connections, method, ids, bodies, address, 1)  # fills the caches
                    if "%ID" not in address:
                        print(f"{name}: {system.name} sends {system.size(system.fill(address)):,} bytes", file=sys.stderr)
                found[system] = system.run(connections, method, ids, bodies, address, seconds)
        cells = [f"{number(one[0])} ({number(one[1])}, {number(one[2])})" if (one := found.get(system)) else "–" for system in systems]
        for mine, peer in pairs:
            ratio = found[mine][0] / max(found[peer][0], 0.001) if peer in found else 0
            cells.append(number(ratio if connections else 1 / ratio) if ratio else "–")
        cells += [" / ".join(number(found[system][at]) if system in found else "–" for system in systems) for at in (4, 5, 6, 3)]
        print(f"| {name}{f', {connections} at a time' * bool(connections)} | " + " | ".join(cells) + " |", flush=True)
    for system in systems:
        print(f"{system.name}: {system.idle:.0f} MiB idle, {system.memory('VmHWM'):.0f} MiB at the peak")


if sys.argv[1] == "notes":
    notes(System(sys.argv[2]))
else:
    load(int(sys.argv[2]), [System(argument) for argument in sys.argv[3:]])
