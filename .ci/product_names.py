"""Asserts that the protocol's crates name no product (ARCHITECTURE.md, section 1)."""

import pathlib
import re
import sys

CRATES = ["keyfob-filter", "keyfob-patch", "keyfob-store", "keyfob-engine", "keyfob-http"]
# Words of products: of their owners, of their customers, and of what they give to users.
WORDS = re.compile(
    r"verkada|accessiq|organi[sz]ation|invit(e|ation)|unlink|e-?mail.?domain|tombstone|deleted.user|"
    r"access.?(group|level)s?\b|\bdoors?\b|credential.?card|default.?unit|managed.?by",
    re.IGNORECASE,
)
# Where the RFCs or public lists of quirks have the word themselves.
ALLOWED = {
    ("keyfob-filter", "organization"),
    ("keyfob-patch", "organization"),
}


def main():
    faults = 0
    for crate in CRATES:
        for path in sorted(pathlib.Path("crates", crate, "src").rglob("*.rs")):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                for found in WORDS.finditer(line):
                    if (crate, found.group().lower()) not in ALLOWED:
                        print(f"{path}:{number}: `{found.group()}`: the protocol knows no product")
                        faults += 1
    print(f"{len(CRATES)} crates, {faults} faults")
    return bool(faults)


sys.exit(main())
