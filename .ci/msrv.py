"""Holds that no dependency needs a newer Rust than the crates declare.

usage: msrv.py

clippy's `incompatible_msrv` looks at the workspace's own code; this looks at the `rust-version` of everything that the published
crates link.
"""

import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def release(text):
    numbers = [int(number) for number in text.split(".")]
    return tuple(numbers + [0] * (3 - len(numbers)))


def main():
    metadata = subprocess.run(
        ["cargo", "metadata", "--locked", "--all-features", "--format-version", "1"],
        cwd=ROOT, check=True, capture_output=True,
    )
    metadata = json.loads(metadata.stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    links = {
        node["id"]: [
            dependency["pkg"] for dependency in node["deps"]
            # Tests may need what they like.
            if any(kind["kind"] != "dev" for kind in dependency["dep_kinds"])
        ]
        for node in metadata["resolve"]["nodes"]
    }
    members = [packages[member] for member in metadata["workspace_members"]]
    published = [member for member in members if member["publish"] is None]
    declared = {member["rust_version"] for member in published}
    if len(declared) != 1 or None in declared:
        sys.exit(f"the published crates declare {sorted(map(str, declared))}; one version belongs there")
    (oldest,) = declared
    linked, waiting = set(), [member["id"] for member in published]
    while waiting:
        package = waiting.pop()
        if package not in linked:
            linked.add(package)
            waiting.extend(links[package])
    newer = sorted(
        (package["name"], package["version"], package["rust_version"])
        for package in (packages[package] for package in linked)
        if package["rust_version"] and release(package["rust_version"]) > release(oldest)
    )
    for name, version, needs in newer:
        print(f"{name} {version} needs Rust {needs}, and the crates declare {oldest}")
    print(f"{len(linked)} packages, {len(newer)} that need more than Rust {oldest}")
    sys.exit(bool(newer))


main()
