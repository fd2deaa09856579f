"""Checks the book in `docs/`, and runs the commands that its pages show.

usage: book.py [KEYFOB]

SUMMARY.md names every page, what pages include is there, and links lead to pages of the book. With the command `keyfob`
the shell blocks of the pages below run too, in order, each page in a folder of its own. A block succeeds, and prints what
the block of `text` or `json` after it says, in which `…` stands for anything. A block that begins with `keyfob serve`
runs until the end of its page. Pages that need PostgreSQL run where `KEYFOB_TEST_POSTGRES_URL` names one.
"""

import json
import os
import pathlib
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parent.parent
BOOK = ROOT / "docs"
RUN = ["getting-started.md", "providers.md", "rules-and-events.md", "mapping.md", "simulate.md", "probe.md", "transfer.md"]
RUN_WITH_POSTGRES = ["postgresql.md"]
# What pages show in place of the reader's own values.
PORTS = ("8080", "8081")
TOKEN = "kf1_…"
DATABASE = "postgres://keyfob@db.example.com/app?schema=scim&sslmode=require"

INCLUDE = re.compile(r"\{\{#include ([^}:]+)(?::([\w-]+))?\}\}")
FENCE = re.compile(r"^(```+)([\w,]*)[^\n]*\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$", re.MULTILINE)
SHORTCUT = re.compile(r"(\[`[^`\]]+`\])(?![(\[:])")


def included(path, anchor):
    """The text of a file, or of the part that stands between its marks, as mdBook includes it."""
    if not path.is_file():
        raise ValueError(f"there is no `{path.relative_to(ROOT)}`")
    text = path.read_text(encoding="utf-8")
    if not anchor:
        return text
    lines, inside, found = [], False, False
    for line in text.splitlines():
        mark = re.search(r"ANCHOR(_END)?:\s*([\w-]+)", line)
        if mark and mark[2] == anchor:
            inside, found = not mark[1], True
        elif inside and not mark:
            lines.append(line)
    if not found or inside or not lines:
        raise ValueError(f"`{path.relative_to(ROOT)}` has no part `{anchor}`, or it doesn't end")
    return "\n".join(lines)


def expanded(page):
    """The text of a page with what it includes."""
    def replace(found):
        path = pathlib.Path(os.path.normpath(page.parent / found[1]))
        return included(path, found[2])

    return INCLUDE.sub(replace, page.read_text(encoding="utf-8"))


def faults():
    """What is wrong with the book as a whole."""
    summary = (BOOK / "SUMMARY.md").read_text(encoding="utf-8")
    named = re.findall(r"\]\(([^)]+)\)", summary)
    present = {path.relative_to(BOOK).as_posix() for path in BOOK.rglob("*.md")} - {"SUMMARY.md"}
    for name in sorted(present - set(named)):
        yield f"SUMMARY.md does not name {name}"
    for name in sorted(set(named) - present):
        yield f"SUMMARY.md names {name}, and there is no such page"
    for name in sorted({name for name in named if named.count(name) > 1}):
        yield f"SUMMARY.md names {name} more than once"
    for name in sorted(present):
        try:
            text = expanded(BOOK / name)
        except ValueError as error:
            yield f"{name}: {error}"
            continue
        if not text.lstrip().startswith("# "):
            yield f"{name}: has no title"
        text = FENCE.sub("", text)
        if "```" in text:
            yield f"{name}: a block of code does not end"
        for found in LINK.findall(text):
            target = (found[0] or found[1]).split("#")[0]
            if not target or re.match(r"[a-z]+:", target):
                continue
            if os.path.normpath(pathlib.PurePosixPath(name).parent / target) not in present:
                yield f"{name}: `{target}` is no page of the book"
        for shortcut in sorted(set(SHORTCUT.findall(text))):
            if f"\n{shortcut}: " not in text:
                yield f"{name}: {shortcut} leads nowhere"


def is_as_shown(shown, value):
    """Compares JSON, in whose shown form `…` within a text stands for anything."""
    if isinstance(shown, dict) and isinstance(value, dict):
        return shown.keys() == value.keys() and all(is_as_shown(shown[key], value[key]) for key in shown)
    if isinstance(shown, list) and isinstance(value, list):
        return len(shown) == len(value) and all(map(is_as_shown, shown, value))
    if isinstance(shown, str) and isinstance(value, str):
        return is_like(shown, value)
    return shown == value


def is_like(shown, text):
    pattern = ".*?".join(map(re.escape, shown.strip().split("…")))
    return re.fullmatch(pattern, text.strip(), re.DOTALL) is not None


class Server:
    """A `keyfob serve` of a page."""

    def __init__(self, command, environment, folder):
        self.process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"], cwd=folder, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        self.token, lines = None, []
        # A server whose messages nobody reads would wait for somebody.
        errors = []
        threading.Thread(target=lambda: errors.extend(self.process.stderr), daemon=True).start()
        for line in self.process.stdout:
            lines.append(line)
            if line.startswith("bearer token"):
                self.token = line.rsplit(" ", 1)[1].strip()
            if line.startswith("store:"):
                threading.Thread(target=self.process.stdout.read, daemon=True).start()
                return
        raise ValueError(f"`{command}` ended: {''.join(lines)}{''.join(errors)}")

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def run(page, keyfob, folder):
    """Runs the shell blocks of a page, and returns their number."""
    text = expanded(BOOK / page)
    ports = [free_port() for _ in PORTS]
    for shown, port in zip(PORTS, ports):
        text = text.replace(f"127.0.0.1:{shown}", f"127.0.0.1:{port}")
    database = os.environ.get("KEYFOB_TEST_POSTGRES_URL")
    if database:
        text = text.replace(DATABASE, f"{database}{'&' if '?' in database else '?'}schema=keyfob_book_{secrets.token_hex(4)}")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KEYFOB_")}
    environment["PATH"] = f"{keyfob.parent}:{environment['PATH']}"
    environment["KEYFOB_LISTEN"] = f"127.0.0.1:{ports[0]}"
    blocks = list(FENCE.finditer(text))
    servers, count = [], 0
    try:
        for number, block in enumerate(blocks):
            if block[2] != "sh":
                continue
            count += 1
            command = block[3]
            if command.startswith("keyfob serve"):
                servers.append(Server(command, environment, folder))
                continue
            if TOKEN in command:
                command = command.replace(TOKEN, servers[0].token)
            # What a block sets, the next ones have.
            script = f"set -euo pipefail; set -a; [ ! -f .set ] || . ./.set; {command}\nexport -p > .set"
            outcome = subprocess.run(
                ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
            )
            if outcome.returncode:
                raise ValueError(f"{page}: failed with {outcome.returncode}:\n{command}{outcome.stdout}{outcome.stderr}")
            after = blocks[number + 1] if number + 1 < len(blocks) else None
            if not after or text[block.end():after.start()].strip() or after[2] not in ("text", "json"):
                continue
            if after[2] == "json":
                fits = is_as_shown(json.loads(after[3]), json.loads(outcome.stdout))
            else:
                fits = is_like(after[3], outcome.stdout)
            if not fits:
                raise ValueError(f"{page}: other than shown:\n{command}{outcome.stdout}{outcome.stderr}")
    finally:
        for server in servers:
            server.stop()
    return count


def main():
    found = list(faults())
    print("\n".join(found) or "the book's pages, includes and links are whole")
    if found or len(sys.argv) < 2:
        return 1 if found else 0
    keyfob = pathlib.Path(sys.argv[1]).resolve()
    pages = RUN + (RUN_WITH_POSTGRES if os.environ.get("KEYFOB_TEST_POSTGRES_URL") else [])
    for page in pages:
        with tempfile.TemporaryDirectory() as folder:
            try:
                print(f"{page}: {run(page, keyfob, folder)} blocks ran", flush=True)
            except ValueError as error:
                print(error)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
