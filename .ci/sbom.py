#!/usr/bin/env python3
"""Writes the bill of materials of the program: CycloneDX 1.5, from Cargo.lock. It lists what is built into the program, and nothing that only the tests need.

.ci/sbom.py FILE [TARGET]: for TARGET (a Rust target triple), or for every target.
"""

import json
import re
import subprocess
import sys
from pathlib import Path


def metadata(target):
    command = ["cargo", "metadata", "--locked", "--format-version", "1"] + (["--filter-platform", target] if target else [])
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def checksums(lock):
    """The SHA-256 of each package, as Cargo.lock has it."""
    found = {}
    for block in lock.split("[[package]]")[1:]:
        member = dict(re.findall(r'^(name|version|checksum) = "(.*)"$', block, re.M))
        found[member["name"], member["version"]] = member.get("checksum")
    return found


def reached(graph, root):
    """The packages that the program is built with: dependencies of the program and of its build, not those of its tests."""
    seen, waiting = set(), [root]
    while waiting:
        at = waiting.pop()
        if at in seen:
            continue
        seen.add(at)
        for dependency in graph[at]["deps"]:
            if any(kind["kind"] != "dev" for kind in dependency["dep_kinds"]):
                waiting.append(dependency["pkg"])
    return seen


def licence(expression):
    return expression.replace("/", " OR ") if expression else "NOASSERTION"


def component(package, sums, kind):
    name, version = package["name"], package["version"]
    purl = f"pkg:cargo/{name}@{version}"
    made = {
        "type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl, "licenses": [{"expression": licence(package["license"])}],
    }
    if sums.get((name, version)):
        made["hashes"] = [{"alg": "SHA-256", "content": sums[name, version]}]
    if package.get("repository"):
        made["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return made


def bill(told, lock):
    packages = {package["id"]: package for package in told["packages"]}
    graph = {node["id"]: node for node in told["resolve"]["nodes"]}
    root, sums = told["resolve"]["root"], checksums(lock)
    inside = reached(graph, root)
    order = sorted(inside - {root}, key=lambda id: (packages[id]["name"], packages[id]["version"]))
    ref = {id: f"pkg:cargo/{packages[id]['name']}@{packages[id]['version']}" for id in inside}
    depends = lambda id: sorted({ref[one["pkg"]] for one in graph[id]["deps"] if one["pkg"] in inside and any(kind["kind"] != "dev" for kind in one["dep_kinds"])})
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": component(packages[root], sums, "application")},
        "components": [component(packages[id], sums, "library") for id in order],
        "dependencies": [{"ref": ref[id], "dependsOn": depends(id)} for id in [root, *order]],
    }


def faults(made):
    """The faults of a bill of materials: a package without its hash or its licence, or a dependency that is not in it."""
    refs = {part["bom-ref"] for part in made["components"]} | {made["metadata"]["component"]["bom-ref"]}
    for part in made["components"]:
        if "hashes" not in part:
            yield f"{part['bom-ref']} has no hash: is it from a registry?"
        if part["licenses"] == [{"expression": "NOASSERTION"}]:
            yield f"{part['bom-ref']} names no licence"
    for one in made["dependencies"]:
        yield from (f"{one['ref']} depends on {other}, which is not there" for other in one["dependsOn"] if other not in refs)
    if len(refs) != len(made["components"]) + 1:
        yield "something is there twice"
    if len(made["components"]) < 100:
        yield f"only {len(made['components'])} parts: something is missing"


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    file, target = Path(sys.argv[1]), (sys.argv[2] if len(sys.argv) == 3 else None)
    made = bill(metadata(target), Path("Cargo.lock").read_text())
    wrong = list(faults(made))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(made, indent=1) + "\n")
    for line in wrong:
        print(line)
    print(f"{len(made['components'])} parts, {len(wrong)} faults: {file}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
