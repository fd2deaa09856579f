#!/usr/bin/env python3
"""Holds the dependencies to deny.toml: their licences, where they come from, and that none takes any version.

`cargo deny check` says more, such as what was yanked and what has an advisory; .ci/long builds it and runs it. This reads the
same file and takes a second, so that it runs before each change lands.
"""

import json
import re
import subprocess
import sys
import tomllib

KNOWN = {
    "graph": {"all-features"},
    "advisories": {"yanked", "unmaintained"},
    "licenses": {"allow", "unused-allowed-license", "exceptions"},
    "bans": {"multiple-versions", "wildcards", "allow-wildcard-paths"},
    "sources": {"unknown-registry", "unknown-git"},
}


def is_allowed(expression, allowed):
    """Evaluates an SPDX expression, in which `/` is an older way to write OR."""
    tokens = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))
    place = 0

    def peek():
        return tokens[place] if place < len(tokens) else None

    def take():
        nonlocal place
        place += 1
        return tokens[place - 1]

    def term():
        if peek() == "(":
            take()
            result = either()
            if peek() != ")":
                raise ValueError(f"`{expression}` lacks a parenthesis")
            take()
            return result
        if peek() in (None, ")", "OR", "AND", "WITH"):
            raise ValueError(f"`{expression}` is no SPDX expression")
        name = take()
        if peek() == "WITH":
            take()
            name = f"{name} WITH {take()}"
        return name in allowed

    def both():
        result = term()
        while peek() == "AND":
            take()
            result = term() and result
        return result

    def either():
        result = both()
        while peek() == "OR":
            take()
            result = both() or result
        return result

    result = either()
    if place != len(tokens):
        raise ValueError(f"`{expression}` goes on after its end")
    return result


def faults(rules, packages):
    for table, entries in rules.items():
        for entry in entries:
            if entry not in KNOWN.get(table, ()):
                yield f"deny.toml: `{table}.{entry}` is not understood here; teach it to .ci/deny.py"
    allowed = set(rules["licenses"]["allow"])
    exceptions = {entry["crate"]: set(entry["allow"]) for entry in rules["licenses"].get("exceptions", ())}
    registries = {package["source"] for package in packages} - {None}
    if len(registries) > 1:
        yield f"packages come from {' and '.join(sorted(registries))}; one registry is enough"
    for package in packages:
        name = f"{package['name']} {package['version']}"
        source = package["source"]
        if source is not None and not source.startswith("registry+"):
            yield f"{name} comes from {source}"
        licence = package["license"]
        if not licence:
            yield f"{name} names no licence"
        else:
            try:
                if not is_allowed(licence, allowed | exceptions.get(package["name"], set())):
                    yield f"{name} is under {licence}"
            except ValueError as error:
                yield f"{name}: {error}"
        if source is None:
            for dependency in package["dependencies"]:
                if dependency["req"] == "*" and "path" not in dependency:
                    yield f"{name} takes any version of {dependency['name']}"


def check_self():
    allowed = {"MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "Zlib"}
    for expression, expected in [
        ("MIT", True),
        ("GPL-3.0", False),
        ("MIT OR GPL-3.0", True),
        ("MIT AND GPL-3.0", False),
        ("GPL-3.0/MIT", True),
        ("(MIT OR GPL-3.0) AND Zlib", True),
        ("MIT AND (GPL-3.0 OR BSL-1.0)", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("Zlib WITH LLVM-exception", False),
        ("GPL-3.0 OR MIT AND GPL-2.0", False),
    ]:
        assert is_allowed(expression, allowed) == expected, expression
    for wrong in ["", "MIT OR", "(MIT", "MIT)", "MIT GPL-3.0"]:
        try:
            is_allowed(wrong, allowed)
        except ValueError:
            continue
        raise AssertionError(wrong)


check_self()
with open("deny.toml", "rb") as file:
    rules = tomllib.load(file)
command = ["cargo", "metadata", "--locked", "--all-features", "--format-version", "1"]
packages = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["packages"]
found = list(faults(rules, packages))
print(*found, sep="\n", end="\n" if found else "")
print(f"{len(packages)} packages, {len(found)} faults")
sys.exit(bool(found))
