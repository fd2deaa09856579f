"""Packages every crate that is published, and looks at what would be uploaded.

usage: package.py [--check]

Each package holds the licence and the README, and its manifest says what a registry shows. With `--check` the packages are
unpacked beside one another and checked by the compiler, without the workspace: a file that only the workspace has is missing then.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The limit of the registry, in bytes.
LARGEST = 10_000_000
SHOWN = ["description", "license", "repository", "documentation", "readme", "keywords", "categories", "rust-version"]


def published():
    metadata = subprocess.run(
        ["cargo", "metadata", "--locked", "--no-deps", "--format-version", "1"],
        cwd=ROOT, check=True, capture_output=True,
    )
    packages = json.loads(metadata.stdout)["packages"]
    return sorted((package["name"], package["version"]) for package in packages if package["publish"] is None)


def faults(name, version, target, licence):
    path = target / "package" / f"{name}-{version}.crate"
    if path.stat().st_size > LARGEST:
        yield f"{path.stat().st_size} bytes are more than the registry takes"
    folder = f"{name}-{version}"
    with tarfile.open(path) as archive:
        members = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        read = {file: members[f"{folder}/{file}"].read() for file in ("LICENSE", "README.md", "Cargo.toml")
                if f"{folder}/{file}" in members}
    for file in ("LICENSE", "README.md"):
        if file not in read:
            yield f"`{file}` is missing"
    if read.get("LICENSE", licence) != licence:
        yield "`LICENSE` is another text than that of the repository"
    package = tomllib.loads(read["Cargo.toml"].decode())["package"]
    for field in SHOWN:
        if not package.get(field):
            yield f"`{field}` is missing in the manifest"
    if len(package.get("keywords", [])) > 5 or any(
        not re.fullmatch(r"[a-z][a-z0-9_+-]{0,19}", word) for word in package.get("keywords", [])
    ):
        yield "a registry takes at most five keywords, of 20 characters each"


def check(packages, target):
    folder = target / "unpacked"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    patches = ""
    for name, version in packages:
        with tarfile.open(target / "package" / f"{name}-{version}.crate") as archive:
            archive.extractall(folder, filter="data")
        patches += f'{name} = {{ path = "{name}-{version}" }}\n'
    (folder / "Cargo.toml").write_text(f'[workspace]\nresolver = "3"\nmembers = ["*-*"]\n[patch.crates-io]\n{patches}')
    shutil.copy(ROOT / "Cargo.lock", folder / "Cargo.lock")
    # Without tests, which need the workspace's data.
    return subprocess.run(["cargo", "check", "--workspace", "--lib", "--bins"], cwd=folder).returncode == 0


def main():
    packages = published()
    target = ROOT / "target" / "packaged"
    names = [argument for name, _ in packages for argument in ("-p", name)]
    command = ["cargo", "package", "--locked", "--allow-dirty", "--no-verify", "--quiet", "--target-dir", str(target)]
    subprocess.run(command + names, cwd=ROOT, check=True)
    licence = (ROOT / "LICENSE").read_bytes()
    found = [(name, fault) for name, version in packages for fault in faults(name, version, target, licence)]
    for name, fault in found:
        print(f"{name}: {fault}")
    print(f"{len(packages)} packages, {len(found)} faults")
    if found or "--check" in sys.argv[1:] and not check(packages, target):
        sys.exit(1)


main()
