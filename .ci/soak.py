"""Sends a mixed load to `keyfob serve` for a while and looks at what is left of it.

usage: soak.py KEYFOB SECONDS

Four clients create users, look them up, change them, put them into groups, and delete them. Fails when an answer is 5xx,
when a look-up doesn't find what its client created, when the server's memory grows without end, or when it doesn't stop
cleanly.
"""

import json
import os
import random
import re
import secrets
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
CLIENTS = 4
# Users that a client has at most, so that the store keeps its size.
ALIVE = 50


class Client(threading.Thread):
    def __init__(self, base, token, number, until):
        super().__init__()
        self.base, self.token, self.number, self.until = base, token, number, until
        self.random = random.Random(number)
        self.requests, self.faults, self.users = 0, [], {}

    def send(self, method, path, body=None):
        request = urllib.request.Request(
            self.base + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/scim+json"},
        )
        self.requests += 1
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            text = error.read()
            if error.code >= 500:
                self.faults.append(f"{method} {path}: {error.code} {text[:200]}")
            return error.code, json.loads(text) if text else None

    def expect(self, wanted, method, path, body=None):
        status, answer = self.send(method, path, body)
        if status not in wanted:
            self.faults.append(f"{method} {path}: {status} {answer}")
        return answer or {}

    def patch(self, path, operation, wanted=(200, 204)):
        self.expect(wanted, "PATCH", path, {"schemas": [PATCH], "Operations": [operation]})

    def run(self):
        try:
            group = self.expect(
                [201], "POST", "/Groups", {"schemas": [GROUP], "displayName": f"Group {self.number}"}
            )["id"]
            created = 0
            while time.monotonic() < self.until and len(self.faults) < 10:
                if len(self.users) < ALIVE:
                    created += 1
                    name = f"user-{self.number}-{created}@example.com"
                    answer = self.expect([201], "POST", "/Users", {"schemas": [USER], "userName": name})
                    self.users[answer.get("id")] = name
                user, name = self.random.choice(list(self.users.items()))
                query = urllib.parse.urlencode({"filter": f'userName eq "{name.upper()}"'})
                if self.expect([200], "GET", f"/Users?{query}").get("totalResults") != 1:
                    self.faults.append(f"{name} is not found")
                member = {"op": "add", "path": "members", "value": [{"value": user}]}
                self.patch(f"/Groups/{group}", member)
                self.patch(f"/Users/{user}", {"op": "replace", "path": "title", "value": str(self.requests)})
                self.expect([200], "GET", "/Users?count=20")
                if len(self.users) == ALIVE:
                    gone = self.random.choice(list(self.users))
                    self.expect([204], "DELETE", f"/Users/{gone}")
                    del self.users[gone]
        except Exception as error:  # a client that dies is a fault like any other
            self.faults.append(repr(error))


def resident(process):
    """The server's resident memory, in bytes."""
    with open(f"/proc/{process.pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main():
    keyfob, seconds = sys.argv[1], int(sys.argv[2])
    token = secrets.token_urlsafe(32)
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [keyfob, "serve", "--listen", "127.0.0.1:0", "--store", f"sqlite:{folder}/keyfob.db"],
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ, KEYFOB_BOOTSTRAP_TOKEN=token, KEYFOB_LOG="error"),
        )
        base = next(found[1] for line in process.stdout if (found := re.match(r"SCIM base URL: (\S+)", line)))
        started = time.monotonic()
        clients = [Client(base, token, number, started + seconds) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        # The first tenth warms the caches; what is used then may double.
        time.sleep(seconds / 10)
        warm = resident(process)
        for client in clients:
            client.join()
        left = resident(process)
        process.terminate()
        status = process.wait(timeout=60)
    faults = [fault for client in clients for fault in client.faults]
    if left > 2 * warm + (64 << 20):
        faults.append(f"the server grew from {warm >> 20} to {left >> 20} MiB")
    if status:
        faults.append(f"the server ended with {status}")
    for fault in faults[:20]:
        print(fault)
    requests = sum(client.requests for client in clients)
    print(f"{requests} requests in {seconds} s, {warm >> 20} to {left >> 20} MiB, {len(faults)} faults")
    return bool(faults)


sys.exit(main())
