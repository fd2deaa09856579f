"""Runs independent conformance suites against `keyfob serve` on a fresh SQLite file.

usage: conformance.py KEYFOB

Exits 1 when a suite finds an error.
"""

import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent


def install(requirements=HERE / "requirements.txt", name="conformance"):
    """The programs of a virtual environment with the pinned suites."""
    environment = HERE.parent / "target" / name
    python = environment / "bin" / "python"
    # A run that was stopped while it made the environment leaves one without a whole pip.
    whole = python.exists() and subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0
    if not whole:
        venv.create(environment, with_pip=True, clear=True)
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements], check=True
    )
    return environment / "bin"


class Server:
    """`keyfob serve` on a file of its own and a free port."""

    def __init__(self, keyfob, folder, profile, options=()):
        self.token, self.profile = secrets.token_urlsafe(32), profile
        environment = dict(os.environ, KEYFOB_BOOTSTRAP_TOKEN=self.token, KEYFOB_LOG="warn")
        self.process = subprocess.Popen(
            [
                keyfob, "serve", "--listen", "127.0.0.1:0", "--store", f"sqlite:{folder}/keyfob.db", "--profile", profile,
                *options,
            ],
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )
        self.base = None
        for line in self.process.stdout:
            if found := re.match(r"SCIM base URL: (\S+)", line):
                self.base = found[1]
                break
        if self.base is None:
            raise SystemExit("the server did not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        status = self.process.wait(timeout=60)
        print(f"the server ended with {status}")


# The models of scim2-tester refuse a whole ServiceProviderConfig for an attribute that is younger than they are
# (`securityEvents`, RFC 9967 section 4).
LIKE_ITS_MODELS = ["--without", "securityEvents"]

# What a profile does on purpose and scim2-tester counts as an error: the profiles, what its explanation says, and why.
CHOICES = [
    # Only `active: true` and `active: false` say something of a user (domain requirements U-5 and U-7); a removal doesn't.
    ("interop rfc verkada accessiq", r"did not remove attribute 'active'"),
    # The suite fills the texts of a card with random ones, which are no card's (C-2, C-16).
    ("verkada", r"there is no card format|card number|facility code|`credentialStatus`|cardNumber"),
    # A group's externalId is taken and not kept (G-1).
    ("verkada", r"'externalId' missing from Group|unexpected value for 'externalId'"),
]


def scim2_tester(programs, server):
    environment = dict(os.environ, SCIM_CLI_HEADERS=f"Authorization: Bearer {server.token}")
    run = subprocess.run(
        [programs / "scim2", "--url", server.base, "test"], env=environment, text=True, capture_output=True
    )
    counts, lines = {}, run.stdout.splitlines()
    for line, explanation in zip(lines, lines[1:] + [""]):
        if found := re.match(r"([A-Z]{4,}) \S", line):
            kind, said = found[1], f"{line} {explanation.strip()}"
            if kind == "ERROR" and any(
                server.profile in profiles.split() and re.search(pattern, said) for profiles, pattern in CHOICES
            ):
                kind = "CHOICE"
            counts[kind] = counts.get(kind, 0) + 1
            if kind != "SUCCESS":
                print(kind, said)
    print(f"scim2-tester: exit {run.returncode}, {counts}")
    if run.returncode:
        print(run.stderr[-4000:])
    return counts.get("SUCCESS", 0) > 100 and not counts.get("ERROR")


# Choices that RFC 7644 leaves to the service provider and that the suite counts as failures.
DOCUMENTED = {
    # Members that don't exist are refused, so that a typing error can't empty a group unnoticed; the profile's
    # `unknown_members` policy can skip them instead.
    "PATCH /Groups/{id} add member",
}


def scim_sanity(programs, server):
    run = subprocess.run(
        [
            programs / "scim-sanity", "probe", server.base, "--token", server.token,
            "--i-accept-side-effects", "--strict", "--json-output",
        ],
        text=True,
        capture_output=True,
    )
    try:
        report = json.loads(run.stdout)
    except json.JSONDecodeError:
        print(run.stdout[-8000:], run.stderr[-4000:])
        return False
    failures = [result for result in report["results"] if result["status"] not in ("pass", "skip")]
    for failure in failures:
        choice = " (a documented choice)" if failure["name"] in DOCUMENTED else ""
        print(f"{failure['status']}: {failure['name']}: {failure.get('message', '')}{choice}")
    print(f"scim-sanity: {report['summary']}")
    return report["summary"]["passed"] >= 25 and all(failure["name"] in DOCUMENTED for failure in failures)


def main():
    keyfob = str(Path(sys.argv[1]).resolve())
    programs = install()
    failed = []
    for profile in ["interop", "rfc", "verkada", "accessiq"]:
        for suite, options in [(scim2_tester, LIKE_ITS_MODELS), (scim_sanity, [])]:
            print(f"-- {suite.__name__}, profile {profile}", flush=True)
            with tempfile.TemporaryDirectory() as folder, Server(keyfob, folder, profile, options) as server:
                if not suite(programs, server):
                    failed.append(f"{suite.__name__} ({profile})")
    print("conformance failures: " + (", ".join(failed) or "none"))
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
