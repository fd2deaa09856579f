"""Builds what the READMEs show as a newcomer would: in a project of its own, outside the workspace, with the dependencies
that the README lists and the code as it stands there.

usage: readme.py [FOLDER]

The project is made in FOLDER, or in a temporary folder. It has the workspace's versions and is checked into its target folder.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
READMES = ["README.md", "crates/keyfob/README.md"]
BLOCK = re.compile(r"^```(toml|rust)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What the text beside an example says that it needs.
NEEDED = {"keyfob::tables": "tables-sqlite"}


def project(folder, readme):
    """Makes a project of a README's first dependencies and all of its programs."""
    blocks = BLOCK.findall((ROOT / readme).read_text(encoding="utf-8"))
    manifests = [text for kind, text in blocks if kind == "toml" and text.startswith("[dependencies]")]
    programs = [text for kind, text in blocks if kind == "rust"]
    if not manifests or not programs:
        sys.exit(f"{readme} shows no dependencies or no program")
    manifest = manifests[0].replace('keyfob = { version = "0.1"', f'keyfob = {{ path = "{ROOT / "crates/keyfob"}"')
    for word, feature in NEEDED.items():
        if any(word in program for program in programs):
            manifest = manifest.replace("features = [", f'features = ["{feature}", ', 1)
    (folder / "src/bin").mkdir(parents=True)
    package = '[package]\nname = "as-shown"\nversion = "0.0.0"\nedition = "2024"\n\n'
    (folder / "Cargo.toml").write_text(package + manifest + "\n[workspace]\n", encoding="utf-8")
    for number, program in enumerate(programs):
        (folder / f"src/bin/program-{number}.rs").write_text(program, encoding="utf-8")
    shutil.copy(ROOT / "Cargo.lock", folder)
    return len(programs)


def main():
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else temporary)
        for readme in READMES:
            folder = root / readme.replace("/", "-").removesuffix(".md")
            count = project(folder, readme)
            environment = os.environ | {"CARGO_TARGET_DIR": str(ROOT / "target")}
            subprocess.run(["cargo", "check", "--quiet", "--bins"], cwd=folder, env=environment, check=True)
            print(f"{readme}: {count} programs")


main()
