"""Makes common_passwords.bin, the passwords that nobody may choose (AU-05), out of a list of them, the most frequent first.

python3 src/auth/common_passwords.py LIST > src/auth/common_passwords.bin

It takes the 110,000 most frequent, and every one that is long enough to be chosen. Kept are the first six bytes of each one's SHA-256,
sorted: what people have once confided to some service is not to be read here. The list was Mark Burnett's ten million passwords, which
he has put into the public domain, the million most frequent of them.
"""
import hashlib, sys

words = {}
for line in open(sys.argv[1], encoding="utf-8"):
    words.setdefault(line.strip("\r\n").lower())
kept = [word for place, word in enumerate(words) if word and (place < 110_000 or len(word) >= 15)]
sys.stdout.buffer.write(b"".join(sorted({hashlib.sha256(word.encode()).digest()[:6] for word in kept})))
