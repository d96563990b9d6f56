"""Opens many slow connections, and prints when the server closes them.

python3 benches/slow.py BASE [HOW_MANY] [bodies|readers]     BASE such as http://127.0.0.1:8080

bodies: each connection sends one byte of its body per second. readers: each connection requests the largest public answer (the OpenAPI document,
many times) and reads nothing of it; on Linux, on the machine of the server.
"""
import select, socket, sys, time, urllib.parse

place = urllib.parse.urlsplit(sys.argv[1])
many = int(sys.argv[2]) if len(sys.argv) > 2 else 500
reading = len(sys.argv) > 3 and sys.argv[3] == "readers"
host = f"Host: {place.netloc}\r\n"
if reading:
    asked = f"GET /openapi.json HTTP/1.1\r\n{host}\r\n".encode() * 16
else:
    asked = f"POST /api/v1/auth/login HTTP/1.1\r\n{host}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{".encode()

began = time.monotonic()
opened = []
for _ in range(many):
    one = socket.socket()
    if reading:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.settimeout(10)
    one.connect((place.hostname, place.port))
    one.sendall(asked)
    opened.append(one)
print(f"{many} connections open after {time.monotonic() - began:.1f} s", flush=True)


def held():
    """The ports of the connections that the server still has. A client that reads nothing does not notice when the server closes its connection."""
    ports = set()
    for line in open("/proc/net/tcp").readlines()[1:]:
        local, remote, state = line.split()[1:4]
        if int(local.split(":")[1], 16) == place.port and state == "01":
            ports.add(int(remote.split(":")[1], 16))
    return ports


answers, closed = [], []
while opened and time.monotonic() - began < 90:
    time.sleep(1)
    if reading:
        still = held()
        gone = [one for one in opened if one.getsockname()[1] not in still]
    else:
        gone = []
        for one in select.select(opened, [], [], 0)[0]:
            try:
                said = one.recv(4096)
            except OSError:
                said = b""
            if said:
                answers.append(said.split(b" ")[1].decode())
            else:
                gone.append(one)
    for one in gone:
        closed.append(time.monotonic() - began)
        opened.remove(one)
    for one in [] if reading else opened:
        try:
            one.sendall(b" ")
        except OSError:
            pass  # told of by the next look
print(f"answered {dict((answer, answers.count(answer)) for answer in set(answers))}, " if answers else "", end="")
print(f"closed {len(closed)}" + (f" within {max(closed):.0f} s" if closed else "") + f", still open {len(opened)}")
sys.exit(1 if opened else 0)
