"""Checks the server's OpenAPI description, and the server by it: openapi-spec-validator reads the description, and schemathesis sends
what it says may be sent, and holds every answer to it.

usage: openapi.py KEYFOB

Exits 1 when either finds an error.
"""

import json
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import conformance

HERE = Path(__file__).resolve().parent
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def main():
    keyfob = str(Path(sys.argv[1]).resolve())
    programs = conformance.install(HERE / "openapi-requirements.txt", "openapi")
    failed = []
    for profile in ["interop", "rfc", "verkada", "accessiq"]:
        print(f"-- OpenAPI, profile {profile}", flush=True)
        with tempfile.TemporaryDirectory() as folder, conformance.Server(keyfob, folder, profile) as server:
            authorization = f"Bearer {server.token}"
            request = urllib.request.Request(f"{server.base}/openapi.json", headers={"Authorization": authorization})
            description = Path(folder) / "openapi.json"
            description.write_bytes(urllib.request.urlopen(request).read())
            print(f"{len(json.loads(description.read_text())['paths'])} paths")
            for command in [
                [programs / "openapi-spec-validator", description],
                [
                    programs / "schemathesis", "run", description, "--url", server.base, "--checks", CHECKS,
                    "--header", f"Authorization: {authorization}", "--max-examples", "50", "--seed", "1", "--no-color",
                ],
            ]:
                run = subprocess.run(command, text=True, capture_output=True, cwd=folder)
                print("\n".join(run.stdout.splitlines()[-40:]))
                if run.returncode:
                    print(run.stderr[-4000:])
                    failed.append(f"{Path(command[0]).name} ({profile})")
    print("OpenAPI failures: " + (", ".join(failed) or "none"))
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
