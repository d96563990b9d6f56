"""Measures whether the response time reveals that an address is known, or that a hidden record exists.

python3 benches/timing.py BASE PAIRS EMAIL...     BASE such as http://127.0.0.1:8080, EMAIL one or more addresses that can sign in (AU-02)
python3 benches/timing.py BASE PAIRS hidden SIGN-INS
                                                  SIGN-INS the output of `alongside demo` (AZ-12); may remove users from a team

For the first form start the server with ALONGSIDE_BEHIND_PROXY=true. Otherwise it blocks the address after many failures.

Prints the area under the ROC curve (AUC): how often one kind took longer than the other. 0.5 means no difference; 0 or 1 means a clear one.
"""
import bisect, http.client, json, random, sys, time, urllib.parse, uuid

place, pairs = urllib.parse.urlsplit(sys.argv[1]).netloc, int(sys.argv[2])
connection = http.client.HTTPConnection(place, timeout=60)


def asked(method, path, body=None, token=None):
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    connection.request(method, path, body, headers)
    reply = connection.getresponse()
    return reply.status, reply.read()


def timed(status, *request):
    began = time.perf_counter()
    found, _ = asked(*request)
    took = time.perf_counter() - began
    if found != status:
        sys.exit(f"{found} in place of {status}")
    return took


def refused(email):
    return timed(401, "POST", "/api/v1/auth/login", json.dumps({"email": email, "password": "not the password of anybody"}))


def like(email):
    """An unknown address of the same length as a known one."""
    name, domain = email.split("@")
    return "".join(random.choice("abcdefghijklmnopqrstuvwxyz") for _ in name) + "@" + domain


def tell_apart(name, one, other):
    """Compares the times of two kinds of requests. Each argument is a function that sends a request and returns its time."""
    for _ in range(30):
        one(), other()
    times = {True: [], False: []}
    for _ in range(pairs):
        # A random order, so that no periodic load on the machine affects one kind more.
        for which in random.sample([True, False], 2):
            times[which].append(one() if which else other())
    slower = sorted(times[False])
    below = sum(bisect.bisect_left(slower, took) + bisect.bisect_right(slower, took) for took in times[True]) / 2
    curve = below / (len(slower) * len(times[True]))
    median = {which: sorted(times[which])[pairs // 2] * 1000 for which in times}
    print(f"{name}, {pairs} pairs: AUC {curve:.3f} ({median[True]:.2f} ms and {median[False]:.2f} ms, medians)", flush=True)
    return 0.45 <= curve <= 0.55


def addresses(known):
    # As many unknown addresses, each used as often: the first attempt at an address costs a little more than later ones, known or not.
    unknown = [like(email) for email in known]
    return tell_apart("known and unknown addresses", lambda: refused(random.choice(known)), lambda: refused(random.choice(unknown)))


def sign_in(role, sign_ins):
    line = next(line.split() for line in open(sign_ins, encoding="utf-8") if line.split()[:1] == [role])
    status, body = asked("POST", "/api/v1/auth/login", json.dumps({"email": line[1], "password": line[2]}))
    return json.loads(body)["access_token"] if status == 200 else sys.exit(f"{role}: {status}")


def cases(token):
    found, cursor = set(), ""
    while len(found) < 2000:
        page = json.loads(asked("GET", f"/api/v1/cases?limit=200{cursor}", token=token)[1])
        found.update(case["id"] for case in page["items"])
        if not page["page"]["has_more"]:
            break
        cursor = "&cursor=" + page["page"]["next_cursor"]
    return found


def hidden(sign_ins):
    admin = sign_in("admin", sign_ins)
    everybody = cases(admin)
    sound = True
    for role in ("supervisor", "advocate"):
        token = sign_in(role, sign_ins)
        foreign = sorted(everybody - cases(token))
        if not foreign:
            # The user is in every team, so the administrator removes them from one.
            me = json.loads(asked("GET", "/api/v1/me", token=token)[1])["id"]
            team = json.loads(asked("GET", "/api/v1/teams", token=admin)[1])["items"][0]["id"]
            asked("DELETE", f"/api/v1/teams/{team}/members/{me}", token=admin)
            foreign = sorted(everybody - cases(token))
        if not foreign:
            sys.exit(f"{role}: every case is theirs")
        # Unknown ids with the same time part as existing ids.
        nobodys = [one[:24] + uuid.uuid4().hex[:12] for one in foreign]
        for kind in ("", "/notes", "/barriers", "/timeline"):
            ask = lambda ids: timed(404, "GET", f"/api/v1/cases/{random.choice(ids)}{kind}", None, token)
            sound &= tell_apart(f"{role}, /cases/ID{kind}: hidden and none", lambda: ask(foreign), lambda: ask(nobodys))
    return sound


sys.exit(0 if (hidden(sys.argv[4]) if sys.argv[3] == "hidden" else addresses(sys.argv[3:])) else 1)
