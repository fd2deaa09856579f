"""Sends the most expensive requests that one organization may send, and times those of another one beside them.

usage: neighbours.py KEYFOB [--users N] [--seconds N] [--only PART]

The server runs on a SQLite file with two organizations, of which the first has 50,000 users unless it is said otherwise. For each attack
four clients of the first send it again and again, while one client of the second reads a user by its id and another one asks
/livez. Fails where, in each of three runs, the 99th percentile of the neighbour is 100 ms or more, or 20 times what it is when nobody
attacks, where that of /livez is 50 ms or more, or where a request takes longer than the budget for its work and three seconds.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
ATTACKERS = 4
# What else the machine does shows as a fault of one run, and not of three.
RUNS = 3
# Seconds: the budget for work of a request, and what reading it and waiting for others may add.
BUDGET, WAITING = 10, 3
# Milliseconds.
NEIGHBOUR, TIMES_IDLE, LIVEZ = 100, 20, 50


class Client:
    """A connection that is kept open."""

    def __init__(self, port, token=None, timeout=120):
        self.port, self.token, self.timeout = port, token, timeout
        self.connection = None

    def send(self, method, path, body=None):
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        headers = {"Content-Type": "application/scim+json"} if body is not None else {}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        try:
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
            text = answer.read()
        except (http.client.HTTPException, OSError):
            self.connection.close()
            self.connection = None
            raise
        if answer.getheader("connection") == "close":
            self.connection.close()
            self.connection = None
        return answer.status, text


def time_requests(port, token, method, path, body, until, queue, statuses):
    client, times = Client(port, token), []
    while time.monotonic() < until:
        start = time.monotonic()
        try:
            status, _ = client.send(method, path, body)
        except (http.client.HTTPException, OSError) as error:
            status = type(error).__name__
        times.append(time.monotonic() - start)
        statuses[status] = statuses.get(status, 0) + 1
    queue.put((times, dict(statuses)))


def measure(port, neighbour, user, attack, seconds):
    """Returns the times of the neighbour, of /livez and of the attack with the statuses of its answers."""
    until = time.monotonic() + seconds
    queues, processes = [], []

    def start(token, request):
        queue = multiprocessing.Queue()
        queues.append(queue)
        process = multiprocessing.Process(
            target=time_requests, args=(port, token, *request, until, queue, {})
        )
        process.start()
        processes.append(process)

    start(neighbour, ("GET", f"/scim/v2/Users/{user}", None))
    start(None, ("GET", "/livez", None))
    if attack:
        token, request = attack
        for _ in range(ATTACKERS):
            start(token, request)
    results = [queue.get() for queue in queues]
    for process in processes:
        process.join()
    statuses = {}
    for _, counted in results[2:]:
        for status, count in counted.items():
            statuses[status] = statuses.get(status, 0) + count
    attacks = [taken for times, _ in results[2:] for taken in times]
    refused = {status: count for status, count in results[0][1].items() if status != 200}
    return results[0][0], results[1][0], attacks, statuses, refused


def percentile(times, part):
    return sorted(times)[min(len(times) - 1, int(len(times) * part))] * 1000


def attacks(big_user, group, members):
    """The most expensive requests that the limits admit, each with the part of the server that it is after."""
    names = ",".join(f"a{number}" for number in range(1_400))
    yield "attributes of a list, unknown", ("GET", f"/scim/v2/Users?count=1000&attributes={names}", None)
    body = {"schemas": [SEARCH], "count": 1000, "attributes": [f"a{number}" for number in range(200_000)]}
    yield "attributes of a search, 200,000 unknown", ("POST", "/scim/v2/.search", json.dumps(body).encode())
    one = urllib.parse.quote('title co "zzz"')
    yield "a scan", ("GET", f"/scim/v2/Users?count=1&filter={one}", None)
    terms = " or ".join(f'title co "a{number}"' for number in range(1_000))
    body = json.dumps({"schemas": [SEARCH], "count": 1, "filter": terms}).encode()
    yield "a scan with 1,000 terms", ("POST", "/scim/v2/Users/.search", body)
    paths = " or ".join(f'emails[value co "a{number}"]' for number in range(500))
    body = json.dumps({"schemas": [SEARCH], "count": 1, "filter": paths}).encode()
    yield "a scan with 500 value paths", ("POST", "/scim/v2/Users/.search", body)
    body = {"schemas": [SEARCH], "count": 1000, "sortBy": "title"}
    yield "a list sorted by what no index has", ("POST", "/scim/v2/Users/.search", json.dumps(body).encode())
    yield "a page of 1,000", ("GET", "/scim/v2/Users?count=1000", None)
    operations = [
        {"op": "add", "path": "emails", "value": [{"value": f"x{number}@example.com", "type": "other"}]}
        for number in range(1_000)
    ]
    body = json.dumps({"schemas": [PATCH], "Operations": operations}).encode()
    yield "PATCH: 1,000 values added to many", ("PATCH", f"/scim/v2/Users/{big_user}", body)
    filters = " or ".join(f'value co "zz{number}"' for number in range(1_000))
    operations = [{"op": "remove", "path": f"emails[{filters}]"} for _ in range(10)]
    body = json.dumps({"schemas": [PATCH], "Operations": operations}).encode()
    yield "PATCH: 10 value filters of 1,000 terms", ("PATCH", f"/scim/v2/Users/{big_user}", body)
    operations = [
        {"op": "remove", "path": f'members[display co "x{number}" or type co "y{number}"]'} for number in range(1_000)
    ]
    body = json.dumps({"schemas": [PATCH], "Operations": operations}).encode()
    yield "PATCH: 1,000 filters of members", ("PATCH", f"/scim/v2/Groups/{group}", body)
    unknown = [{"value": f"nobody-{number}"} for number in range(100_000)]
    body = json.dumps({"schemas": [GROUP], "displayName": "Unknown", "members": unknown}).encode()
    yield "a group of 100,000 unknown members", ("POST", "/scim/v2/Groups", body)
    body = json.dumps(
        {"schemas": [GROUP], "displayName": "Everybody", "members": [{"value": member} for member in members]}
    ).encode()
    yield "a group replaced by 50,000 members", ("PUT", f"/scim/v2/Groups/{group}", body)
    yield "a group of 50,000 members read", ("GET", f"/scim/v2/Groups/{group}", None)
    body = {
        "schemas": [BULK],
        "Operations": [
            {"method": "PATCH", "path": f"/Users/{members[number]}",
             "data": {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "title", "value": f"t{number}"}]}}
            for number in range(1_000)
        ],
    }
    yield "a bulk request of 1,000 PATCHes", ("POST", "/scim/v2/Bulk", json.dumps(body).encode())


def created(client, path, body):
    status, text = client.send("POST", path, body)
    if status != 201:
        sys.exit(f"POST {path}: {status} {text[:300]}")
    return json.loads(text)["id"]


def fill(client, users):
    """Creates the users of the organization that attacks, and returns their ids."""
    ids = []
    for start in range(0, users, 1_000):
        operations = [
            {
                "method": "POST", "path": "/Users", "bulkId": str(number),
                "data": {
                    "schemas": [USER], "userName": f"user-{number}@example.com", "title": f"Engineer {number}",
                    "emails": [{"value": f"user-{number}@example.com", "type": "work"}],
                },
            }
            for number in range(start, min(start + 1_000, users))
        ]
        status, text = client.send("POST", "/scim/v2/Bulk", {"schemas": [BULK], "Operations": operations})
        answers = json.loads(text).get("Operations", [])
        if status != 200 or any(answer["status"] != "201" for answer in answers):
            sys.exit(f"the users can't be made: {status} {text[:300]}")
        ids.extend(answer["location"].rsplit("/", 1)[1] for answer in answers)
    return ids


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("keyfob")
    parser.add_argument("--users", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    keyfob = os.path.abspath(arguments.keyfob)
    faults = 0
    with tempfile.TemporaryDirectory() as folder:
        store = f"sqlite:{folder}/keyfob.db"
        server = subprocess.Popen(
            [keyfob, "serve", "--store", store, "--listen", "127.0.0.1:0", "--log", "warn"],
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        try:
            said = ""
            while "bearer token" not in said:
                line = server.stdout.readline() or server.stderr.readline()
                if not line:
                    sys.exit(f"the server doesn't start: {said}")
                said += line
            port = int(re.search(r"http://127\.0\.0\.1:(\d+)", said)[1])
            token = re.search(r"bearer token[^:]*: (\S+)", said)[1]
            for verb in (["org", "create", "--profile", "interop", "neighbour"],
                         ["--org", "neighbour", "provisioning", "enable"]):
                made = subprocess.run(
                    [keyfob, "admin", "--store", store, "--json", *verb],
                    cwd=folder, capture_output=True, text=True, check=False,
                )
            if made.returncode != 0:
                sys.exit(f"the second organization can't be made: {made.stdout}{made.stderr}")
            neighbour = json.loads(made.stdout)["token"]
            user = created(
                Client(port, neighbour), "/scim/v2/Users", {"schemas": [USER], "userName": "ada@example.com"}
            )
            attacker = Client(port, token)
            ids = fill(attacker, arguments.users)
            emails = [{"value": f"e{number}@example.com", "type": "other"} for number in range(5_000)]
            big = created(attacker, "/scim/v2/Users", {"schemas": [USER], "userName": "big", "emails": emails})
            members = ids[:50_000]
            group = created(
                attacker, "/scim/v2/Groups",
                {"schemas": [GROUP], "displayName": "All", "members": [{"value": member} for member in members]},
            )
            idle, livez, *_ = measure(port, neighbour, user, None, arguments.seconds)
            idle99 = percentile(idle, 0.99)
            row = "{:<42} {:>8} {:>8} {:>8} {:>8} {:>8}  {}"
            print(row.format("attack (times in ms)", "p50", "p99", "longest", "livez", "attack", "answers"))
            print(row.format("none", *(f"{number:.1f}" for number in (
                percentile(idle, 0.5), idle99, max(idle) * 1000, percentile(livez, 0.99))), "", ""), flush=True)
            for name, request in attacks(big, group, members):
                if arguments.only not in name:
                    continue
                for run in range(RUNS):
                    beside, livez, times, statuses, refused = measure(
                        port, neighbour, user, (token, request), arguments.seconds
                    )
                    p99, livez99, longest = percentile(beside, 0.99), percentile(livez, 0.99), max(times) * 1000
                    wrong = []
                    if p99 >= NEIGHBOUR or p99 >= TIMES_IDLE * idle99:
                        wrong.append("neighbour")
                    if refused:
                        wrong.append(f"neighbour refused {refused}")
                    if livez99 >= LIVEZ:
                        wrong.append("livez")
                    if longest >= (BUDGET + WAITING) * 1000:
                        wrong.append("attack too long")
                    print(row.format(
                        name, f"{percentile(beside, 0.5):.1f}", f"{p99:.1f}", f"{max(beside) * 1000:.0f}",
                        f"{livez99:.1f}", f"{longest:.0f}", f"{statuses} {', '.join(wrong)}",
                    ), flush=True)
                    if not wrong:
                        break
                faults += len(wrong)
        finally:
            server.terminate()
            start = time.monotonic()
            server.wait(30)
            print(f"the server stopped within {time.monotonic() - start:.1f} s")
    print(f"{faults} faults")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
