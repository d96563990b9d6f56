"""Whether the time that a refused login takes tells a known address from an unknown one (AU-02).

python3 benches/timing.py BASE PAIRS EMAIL...     BASE as http://127.0.0.1:8080, EMAIL one or more addresses that can sign in

The server runs with ALONGSIDE_BEHIND_PROXY=true, or the address that so many failures come from is made to wait.

Prints the area under the curve: how often a known address took longer than an unknown one. 0.5 is no difference; 0 or 1 tells them apart.
"""
import bisect, http.client, json, random, sys, time, urllib.parse

place, pairs, known = urllib.parse.urlsplit(sys.argv[1]).netloc, int(sys.argv[2]), sys.argv[3:]
connection = http.client.HTTPConnection(place, timeout=60)


def took(email):
    body = json.dumps({"email": email, "password": "not the password of anybody"})
    began = time.perf_counter()
    connection.request("POST", "/api/v1/auth/login", body, {"Content-Type": "application/json"})
    reply = connection.getresponse()
    reply.read()
    if reply.status != 401:
        sys.exit(f"{reply.status} in place of 401")
    return time.perf_counter() - began


def like(email):
    """Nobody's, and as long as a known one."""
    name, domain = email.split("@")
    return "".join(random.choice("abcdefghijklmnopqrstuvwxyz") for _ in name) + "@" + domain


# As many that nobody has, each tried as often: what is tried for the first time costs a little more than what waits, known or not.
unknown = [like(email) for email in known]
for _ in range(10):
    for email in known + unknown:
        took(email)
times = {True: [], False: []}
for _ in range(pairs):
    # In an order that nothing else on the machine can keep step with.
    for of_known in random.sample([True, False], 2):
        times[of_known].append(took(random.choice(known if of_known else unknown)))
slower = sorted(times[False])
below = sum(bisect.bisect_left(slower, one) + bisect.bisect_right(slower, one) for one in times[True]) / 2
curve = below / (len(slower) * len(times[True]))
median = {which: sorted(times[which])[pairs // 2] * 1000 for which in times}
print(f"{pairs} pairs: AUC {curve:.3f} (known {median[True]:.2f} ms, unknown {median[False]:.2f} ms, medians)")
sys.exit(0 if 0.45 <= curve <= 0.55 else 1)
