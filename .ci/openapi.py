"""Checks the server's OpenAPI description, and the server by it: openapi-spec-validator reads the description, and schemathesis sends
what it says may be sent, and holds every answer to it.

usage: openapi.py KEYFOB [PROFILE...]

Of all profiles unless some are named. Exits 1 when either finds an error.
"""

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import conformance

HERE = Path(__file__).resolve().parent
# The seconds for one program and profile. Two quiet cores need 120, of which the server takes 20; generating takes the rest.
BOUND = 600
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def main():
    keyfob = str(Path(sys.argv[1]).resolve())
    programs = conformance.install(HERE / "openapi-requirements.txt", "openapi")
    failed = []
    for profile in sys.argv[2:] or ["interop", "rfc", "verkada", "accessiq"]:
        print(f"-- OpenAPI, profile {profile}", flush=True)
        with tempfile.TemporaryDirectory() as folder, conformance.Server(keyfob, folder, profile) as server:
            authorization = f"Bearer {server.token}"
            request = urllib.request.Request(f"{server.base}/openapi.json", headers={"Authorization": authorization})
            served = urllib.request.urlopen(request).read()
            described = json.loads(served)
            description = Path(folder) / "openapi.json"
            description.write_bytes(served)
            print(f"{len(described['paths'])} paths")
            # A poll waits for events where there are none, for longer than schemathesis waits for an answer, which is then a
            # network error to it. Nobody can acknowledge this one.
            group = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Receivers"}
            headers = {"Authorization": authorization, "Content-Type": "application/scim+json"}
            created = urllib.request.Request(f"{server.base}/Groups", json.dumps(group).encode(), headers)
            urllib.request.urlopen(created).read()
            for command in [
                [programs / "openapi-spec-validator", description],
                [
                    programs / "schemathesis", "run", description, "--url", server.base, "--checks", CHECKS,
                    "--header", f"Authorization: {authorization}", "--max-examples", "50", "--seed", "1", "--no-color",
                ],
            ]:
                name, start = f"{Path(command[0]).name} ({profile})", time.monotonic()
                try:
                    run = subprocess.run(command, text=True, capture_output=True, cwd=folder, timeout=BOUND)
                except subprocess.TimeoutExpired as over:
                    # What it has printed says in which phase it was.
                    print((over.stdout or b"").decode(errors="replace")[-4000:])
                    print(f"{name} did not end in {BOUND} s")
                    failed.append(f"{name}: no end")
                    continue
                # What went wrong may stand anywhere in it.
                print("\n".join(run.stdout.splitlines()[0 if run.returncode else -40 :]))
                print(f"{name}: {time.monotonic() - start:.0f} s")
                if run.returncode:
                    print(run.stderr[-4000:])
                    failed.append(name)
    print("OpenAPI failures: " + (", ".join(failed) or "none"))
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
