#!/usr/bin/env python3
"""Compares Cargo.lock with the RustSec advisory database.

.ci/advisories.py [FOLDER]: the database is in FOLDER (or ADVISORY_DB), or is downloaded. If it cannot be downloaded, the script says so and
succeeds, because a network failure is not a vulnerability. With REQUIRE_ADVISORIES=1 it fails then: use this for a release.
"""

import doctest
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

DATABASE = "https://github.com/rustsec/advisory-db"
PATIENCE = 30  # seconds


def parts(version):
    """Orders versions as SemVer does, a pre-release before its release.

    >>> parts("1.2.3-alpha.2") < parts("1.2.3-alpha.10") < parts("1.2.3") < parts("1.10.0")
    True
    """
    number, _, pre = version.split("+")[0].partition("-")
    numbers = tuple(int(part) for part in number.split("."))
    words = tuple((0, int(word), "") if word.isdigit() else (1, 0, word) for word in pre.split(".") if word)
    return (numbers + (0, 0, 0))[:3], not pre, words


def meets(version, requirement):
    """Whether a version meets a requirement of Cargo's kind.

    >>> [meets("0.23.5", r) for r in (">= 0.23.5", "< 0.23.5", ">=0.22, <0.24", "^0.22.1", "^0.23.1", "=0.23.5", "~0.23.1", "0.23", "> 0.23.4, < 0.23.6", "*")]
    [True, False, True, False, True, True, True, True, True, True]
    >>> [meets("1.4.0", r) for r in ("^1.2", "^2", "~1.3", ">=1.5.0", "= 1.4", "1")]
    [True, False, False, False, True, True]
    """
    return all(meets_one(version, one.strip()) for one in requirement.split(","))


def meets_one(version, requirement):
    sign, text = re.fullmatch(r"(>=|<=|>|<|=|\^|~)?\s*(.*)", requirement).groups()
    if text == "*":
        return True
    named = text.split("+")[0].split("-")[0].split(".")
    here, there = parts(version), parts(text)
    if sign in (">=", "<=", ">", "<"):
        return {">=": here >= there, "<=": here <= there, ">": here > there, "<": here < there}[sign]
    if sign == "=":
        return here[0][: len(named)] == there[0][: len(named)] and (len(named) < 3 or here == there)
    # Up to the first number that may not change: of `^` the first that is not 0, of `~` the one before the last.
    fixed = next((place for place, number in enumerate(there[0]) if number), len(named) - 1) + 1 if sign != "~" else max(1, min(2, len(named)))
    return here >= there and here[0][:fixed] == there[0][:fixed]


def advisories(folder, name):
    for file in sorted((folder / "crates" / name).glob("*.md")):
        front = re.match(r"\s*```toml\n(.*?)\n```", file.read_text(), re.S)
        if front:
            yield tomllib.loads(front[1])


def found(folder, packages):
    """The advisories on these packages: (whether it is a vulnerability, its text)."""
    for name, version in packages:
        for one in advisories(folder, name):
            advisory, versions = one["advisory"], one.get("versions", {})
            safe = versions.get("patched", []) + versions.get("unaffected", [])
            if advisory.get("withdrawn") or any(meets(version, requirement) for requirement in safe):
                continue
            kind = advisory.get("informational")
            yield kind not in ("unmaintained", "notice"), f"{name} {version}: {advisory['id']} ({kind or 'a vulnerability'}); safe: {', '.join(safe) or 'none'}"


def fetched(into):
    command = ["git", "clone", "--quiet", "--depth", "1", DATABASE, into]
    try:
        subprocess.run(command, check=True, timeout=PATIENCE, stderr=subprocess.DEVNULL, env={**os.environ, "GIT_TERMINAL_PROMPT": "0"})
        return True
    except (OSError, subprocess.SubprocessError):
        return False


# RustSec's database has had more advisories than this for years: a copy with fewer is incomplete.
FEWEST = 500


def main():
    if doctest.testmod().failed:
        return 1
    lock = tomllib.loads(Path("Cargo.lock").read_text())
    packages = [(one["name"], one["version"]) for one in lock["package"] if "source" in one]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("ADVISORY_DB") or scratch)
        if folder == Path(scratch) and not fetched(scratch):
            print("NOT CHECKED: the advisory database cannot be reached; name a copy of it in ADVISORY_DB")
            return 1 if os.environ.get("REQUIRE_ADVISORIES") else 0
        if not (folder / "crates").is_dir():
            print(f"{folder} is no advisory database")
            return 1
        parsed = sum(1 for file in (folder / "crates").glob("*/*.md") if re.match(r"\s*```toml\n(.*?)\n```", file.read_text(), re.S))
        if parsed < FEWEST:
            print(f"{folder} has {parsed} advisories: that is not all of them")
            return 1
        known = list(found(folder, packages))
    for _, line in known:
        print(line)
    holes = sum(hole for hole, _ in known)
    print(f"{len(packages)} packages, {holes} with a hole that is known, {len(known) - holes} only told")
    return 1 if holes else 0


if __name__ == "__main__":
    sys.exit(main())
