"""Asserts that every crate imports only from its left (ARCHITECTURE.md, section 1)."""

import json
import subprocess
import sys

# What each crate may import, apart from foreign crates. Dev-dependencies are free.
ALLOWED = {
    "keyfob-core": [],
    "keyfob-filter": ["core"],
    "keyfob-patch": ["core", "filter"],
    "keyfob-expression": ["core", "filter"],
    "keyfob-expression-okta": ["core", "expression"],
    "keyfob-mapping": ["core", "filter", "patch", "expression", "expression-okta"],
    "keyfob-client": ["core", "filter", "patch"],
    "keyfob-sync": ["core", "filter", "patch", "expression", "mapping", "client"],
    "keyfob-interop": ["core", "filter", "patch", "expression", "mapping", "client", "sync"],
    "keyfob-webhook": ["core", "filter", "patch", "store", "engine", "client"],
    "keyfob-card": [],
    "keyfob-access": ["core", "filter", "patch", "store", "engine", "provisioning", "card"],
    "keyfob-admin": ["core", "filter", "patch", "store", "engine", "provisioning", "access", "webhook"],
    "keyfob-admin-http": ["core", "engine", "admin"],
    "keyfob-console": ["core", "engine", "admin"],
    "keyfob-store": ["core", "filter", "patch"],
    "keyfob-engine": ["core", "filter", "patch", "store"],
    "keyfob-provisioning": ["core", "filter", "patch", "store", "engine"],
    "keyfob-http": ["core", "filter", "patch", "store", "engine"],
    "keyfob-store-memory": ["core", "filter", "patch", "store"],
    "keyfob-store-sqlite": ["core", "filter", "patch", "store"],
    "keyfob-store-postgres": ["core", "filter", "patch", "store"],
    "keyfob-store-testkit": ["core", "filter", "patch", "store"],
    "keyfob-tables": ["core", "filter", "patch", "store"],
    "keyfob-testgen": ["core", "filter"],
    # The facade, which holds nothing of its own.
    "keyfob": ["core", "filter", "patch", "store", "engine", "provisioning", "http", "access", "store-memory", "store-sqlite", "store-postgres", "tables", "expression", "expression-okta", "mapping", "client", "webhook", "sync", "interop"],
    "keyfob-cli": ["core", "filter", "patch", "store", "engine", "provisioning", "http", "store-memory", "store-sqlite", "store-postgres", "expression", "expression-okta", "mapping", "client", "webhook", "sync", "interop", "card", "access", "admin", "admin-http", "console"],
}
# The crates up to the engine know no HTTP, no SQL and no runtime, not even through somebody else.
PURE = ["keyfob-core", "keyfob-filter", "keyfob-patch", "keyfob-store", "keyfob-engine", "keyfob-provisioning"]
IMPURE = {"http", "hyper", "axum", "tower", "tokio", "rusqlite", "tokio-postgres"}


def main():
    output = subprocess.run(
        ["cargo", "metadata", "--locked", "--format-version", "1"], check=True, capture_output=True
    ).stdout
    metadata = json.loads(output)
    packages = {package["id"]: package for package in metadata["packages"]}
    edges = {
        node["id"]: [
            dependency["pkg"]
            for dependency in node["deps"]
            if any(kind["kind"] in (None, "build") for kind in dependency["dep_kinds"])
        ]
        for node in metadata["resolve"]["nodes"]
    }
    members = {packages[member]["name"]: member for member in metadata["workspace_members"]}
    faults = []
    for name, member in members.items():
        if "/crates/" not in packages[member]["manifest_path"]:
            continue
        if name not in ALLOWED:
            faults.append(f"{name}: .ci/import_order.py doesn't say what it may import")
            continue
        allowed = {f"keyfob-{short}" for short in ALLOWED[name]}
        for dependency in edges[member]:
            imported = packages[dependency]["name"]
            if imported in members and imported not in allowed:
                faults.append(f"{name} imports {imported}")
    for name in PURE:
        reached, pending = set(), [members[name]]
        while pending:
            package = pending.pop()
            if package not in reached:
                reached.add(package)
                pending.extend(edges[package])
        for impure in sorted({packages[package]["name"] for package in reached} & IMPURE):
            faults.append(f"{name} reaches {impure}")
    for fault in faults:
        print(fault)
    print(f"{len(members)} packages, {len(faults)} faults")
    return bool(faults)


sys.exit(main())
