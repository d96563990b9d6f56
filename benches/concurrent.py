"""Sends 200 concurrent changes of one case with the same If-Match, then 200 transitions. Exactly one of each must succeed, and none may be 5xx.

python3 benches/concurrent.py BASE EMAIL PASSWORD [HOW_MANY]     EMAIL of a supervisor; BASE such as http://127.0.0.1:8080
"""
import collections, http.client, json, sys, threading, urllib.parse

host, (email, password) = urllib.parse.urlsplit(sys.argv[1]).netloc, sys.argv[2:4]
many = int(sys.argv[4]) if len(sys.argv) > 4 else 200
token = None


def call(method, path, body=None, headers=None, connection=None):
    connection = connection or http.client.HTTPConnection(host, timeout=60)
    every = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {}) | (headers or {})
    connection.request(method, "/api/v1" + path, json.dumps(body) if body is not None else None, every)
    reply = connection.getresponse()
    return reply.status, json.loads(reply.read() or b"null")


def must(wanted, answer):
    if answer[0] != wanted:
        sys.exit(f"wanted {wanted}, got {answer}")
    return answer[1]


def at_once(request):
    """Sends `many` requests at once, each on its own open connection. Returns the number of answers of each status."""
    gate, statuses = threading.Barrier(many), []

    def one(number):
        connection = http.client.HTTPConnection(host, timeout=60)
        connection.connect()
        gate.wait()
        try:
            statuses.append(request(number, connection)[0])
        except (OSError, http.client.HTTPException) as error:
            statuses.append(type(error).__name__)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(many)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return collections.Counter(statuses)


token = must(200, call("POST", "/auth/login", {"email": email, "password": password}))["access_token"]
team = must(200, call("GET", "/teams"))["items"][0]["id"]
client = must(201, call("POST", "/clients", {"preferred_name": "Sam", "team_id": team}))["id"]
new = {"client_id": client, "team_id": team, "advocacy_type": "peer", "intake_source": "self", "client_goal": "Keep my medication."}
case = must(201, call("POST", "/cases", new))
path, version = f"/cases/{case['id']}", case["version"]

changes = at_once(lambda n, c: call("PATCH", path, {"tags": [f"try-{n}"]}, {"If-Match": f'"v{version}"'}, c))
after = must(200, call("GET", path))
moves = at_once(lambda n, c: call("POST", path + "/transitions", {"to": "triage"}, None, c))
end = must(200, call("GET", path))
history = must(200, call("GET", path + "/transitions"))["items"]

print(f"changes: {dict(changes)}, version {version} to {after['version']}")
print(f"transitions: {dict(moves)}, version {after['version']} to {end['version']}, {len(history)} steps in the history")
good = changes == {200: 1, 412: many - 1} and after["version"] == version + 1 and moves == {201: 1, 409: many - 1} and end["version"] == after["version"] + 1
good = good and [step["to"] for step in history] == ["triage", "referred"]
print("exactly one winner each" if good else "NOT exactly one winner each")
sys.exit(not good)
