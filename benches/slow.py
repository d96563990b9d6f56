"""Opens many connections whose bodies come a byte a second, and says how long the server bears each.

python3 benches/slow.py BASE [HOW_MANY]     BASE as http://127.0.0.1:8080
"""
import select, socket, sys, time, urllib.parse

place = urllib.parse.urlsplit(sys.argv[1])
many = int(sys.argv[2]) if len(sys.argv) > 2 else 500
head = f"POST /api/v1/auth/login HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n".encode()

began = time.monotonic()
opened = []
for _ in range(many):
    one = socket.create_connection((place.hostname, place.port), timeout=10)
    one.sendall(head + b"{")
    opened.append(one)
print(f"{many} connections open after {time.monotonic() - began:.1f} s", flush=True)

answers, closed = [], []
while opened and time.monotonic() - began < 60:
    time.sleep(1)
    for one in select.select(opened, [], [], 0)[0]:
        try:
            said = one.recv(4096)
        except OSError:
            said = b""
        if said:
            answers.append(said.split(b" ")[1].decode())
        else:
            closed.append(time.monotonic() - began)
            opened.remove(one)
    for one in opened:
        try:
            one.sendall(b" ")
        except OSError:
            pass  # told of by the next look
print(f"answered {dict((answer, answers.count(answer)) for answer in set(answers))}, closed {len(closed)}", end="")
print(f" within {max(closed):.0f} s, still open {len(opened)}" if closed else f", still open {len(opened)}")
sys.exit(1 if opened else 0)
