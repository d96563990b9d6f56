#!/usr/bin/env python3
"""Checks what the product is built from: licences against a list, banned crates, and the oldest versions that are safe."""

import json
import re
import subprocess
import sys

ALLOWED = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "ISC", "MIT", "MIT-0",
    "PostgreSQL", "Unicode-3.0", "Unlicense", "Zlib",
}
BANNED = {
    "actix-governor": "GPL",
    "native-tls": "one crypto provider, and it is not this",
    "openssl": "one crypto provider, and it is not this",
    "openssl-sys": "one crypto provider, and it is not this",
    "rsa": "RUSTSEC-2023-0071 has no fix",
    "rustls-pemfile": "unmaintained",
}
FLOORS = {
    "actix-http": "3.12.1", "actix-web": "4.18.0", "bytes": "1.11.1", "diesel": "2.3.10", "h2": "0.4.16", "idna": "1.0.3", "jsonwebtoken": "10.3.0",
    "lettre": "0.11.22", "libsqlite3-sys": "0.35.0", "ring": "0.17.12", "rustls": "0.23.46", "rustls-webpki": "0.103.13", "time": "0.3.47",
    "tracing-subscriber": "0.3.20", "url": "2.5.4",
}


def permitted(expression):
    """Whether an SPDX expression can be met with allowed licences alone; the old slash means OR."""
    tokens = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))
    place = 0

    def peek():
        return tokens[place] if place < len(tokens) else None

    def take():
        nonlocal place
        place += 1
        return tokens[place - 1]

    def either():
        good = both()
        while peek() == "OR":
            take()
            good = both() or good
        return good

    def both():
        good = one()
        while peek() == "AND":
            take()
            good = one() and good
        return good

    def one():
        name = take()
        if name == "(":
            good = either()
            take()
            return good
        if peek() == "WITH":
            take()
            name = f"{name} WITH {take()}"
        return name in ALLOWED

    try:
        return either() and place == len(tokens)
    except IndexError:
        return False


def number(version):
    return tuple(int(part) for part in version.split("+")[0].split("-")[0].split("."))


def main():
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    packages = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)["packages"]
    wrong = []
    for package in packages:
        name, version = package["name"], package["version"]
        if name in BANNED:
            wrong.append(f"{name} {version}: banned: {BANNED[name]}")
        if name in FLOORS and number(version) < number(FLOORS[name]):
            wrong.append(f"{name} {version}: older than {FLOORS[name]}")
        if not permitted(package["license"] or ""):
            wrong.append(f"{name} {version}: licence not allowed: {package['license'] or 'none named'}")
    for line in wrong:
        print(line)
    print(f"{len(packages)} packages, {len(wrong)} faults")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
