"""Kills the server (-9) during writes, many times, on SQLite. Every acknowledged write must be stored, and the hash chain must be valid.

python3 benches/kill.py PROGRAM [ROUNDS]
"""
import http.client, json, os, random, re, signal, socket, subprocess, sys, tempfile, threading, time

program, rounds = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 50
folder = tempfile.TemporaryDirectory()
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
env = os.environ | {"ALONGSIDE_DATA_DIR": folder.name, "ALONGSIDE_LISTEN": f"127.0.0.1:{port}", "ALONGSIDE_LOG": "error"}
env.pop("ALONGSIDE_DATABASE_URL", None)
made = subprocess.run([program, "demo", "--cases", "20", "--seed", "1"], env=env, check=True, capture_output=True, text=True).stdout
email, password = re.search(r"supervisor +(\S+) +(\S+)", made).groups()


def call(method, path, body=None, token=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    connection.request(method, "/api/v1" + path, json.dumps(body) if body is not None else None, headers)
    reply = connection.getresponse()
    return reply.status, json.loads(reply.read() or b"null")


def start():
    server = subprocess.Popen([program, "serve"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(200):
        try:
            status, reply = call("POST", "/auth/login", {"email": email, "password": password})
            if status == 200:
                return server, reply["access_token"]
        except OSError:
            time.sleep(0.02)
    sys.exit("the server did not start")


acknowledged, refused = [], []
server, token = start()
team = call("GET", "/teams", token=token)[1]["items"][0]["id"]
server.kill(), server.wait()
for _ in range(rounds):
    server, token = start()
    stop = threading.Event()

    def write(token=token):
        while not stop.is_set():
            try:
                status, reply = call("POST", "/clients", {"preferred_name": "Sam", "team_id": team}, token)
            except (OSError, http.client.HTTPException, ValueError):
                return
            (acknowledged if status == 201 else refused).append(reply["id"] if status == 201 else status)

    writers = [threading.Thread(target=write) for _ in range(8)]
    [writer.start() for writer in writers]
    time.sleep(random.uniform(0.1, 0.5))
    server.send_signal(signal.SIGKILL)
    server.wait()
    stop.set()
    [writer.join() for writer in writers]
verified = subprocess.run([program, "verify"], env=env, capture_output=True, text=True)
server, token = start()
lost = 0
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
for at, client in enumerate(acknowledged):
    connection.request("GET", f"/api/v1/clients/{client}", headers={"Authorization": f"Bearer {token}"})
    reply = connection.getresponse()
    reply.read()
    lost += reply.status != 200
server.terminate(), server.wait()
print(f"{rounds} kills, {len(acknowledged)} acknowledged writes, {lost} lost, {len(refused)} refused, verify: {verified.returncode}")
print(verified.stdout.strip())
sys.exit(bool(lost or verified.returncode))
