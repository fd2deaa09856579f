#!/usr/bin/env python3
"""Looks for comparisons of values beside `CompareKey` (crates/keyfob-core/src/compare.rs).

Folding, lower case and composition occur in these files alone, where names of attributes, keywords of grammars, protocol
tokens and what a product's own language defines are compared, but no values of attributes.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

FOUND = re.compile(
    r"eq_ignore_ascii_case|to_(?:ascii_)?(?:lower|upper)case|make_ascii_(?:lower|upper)case|\bfold_chars\b"
    r"|case_folded|\.nfk?[cd]\(\)|is_nfk?[cd]|unicode_normalization|(?<![.\w])fold\("
)

# How many lines of a file may have one, with what they compare.
ALLOWED = {
    "keyfob-access/src/credential/rule.rs": (1, "names of a credential's status"),
    "keyfob-access/src/schedule.rs": (1, "names of days"),
    "keyfob-access/src/time_zone.rs": (1, "names of time zones"),
    "keyfob-admin-http/src/identity.rs": (1, "a scheme of authentication"),
    "keyfob-admin-http/src/message.rs": (1, "a media type"),
    "keyfob-admin-http/src/openapi.rs": (1, "names of methods"),
    "keyfob-cli/src/output.rs": (1, "answers to questions"),
    "keyfob-cli/src/simulate/host.rs": (1, "names of hosts"),
    "keyfob-core/src/error.rs": (1, "keywords of errors"),
    "keyfob-core/src/resource/address.rs": (1, "names of types"),
    "keyfob-core/src/validate/members.rs": (2, "names of types and attributes"),
    "keyfob-core/src/validate/value.rs": (2, "booleans that are sent as texts"),
    "keyfob-engine/src/engine/cursor.rs": (1, "paths of attributes"),
    "keyfob-engine/src/feature.rs": (1, "names of features"),
    "keyfob-provisioning/src/admin/link.rs": (2, "names of attributes"),
    "keyfob-provisioning/src/provisioning.rs": (1, "domains of ASCII"),
    "keyfob-engine/src/policy/active.rs": (1, "booleans that are sent as texts"),
    "keyfob-filter/src/compile.rs": (3, "names of types, and booleans that are sent as texts"),
    "keyfob-patch/src/element.rs": (1, "names of attributes"),
    "keyfob-store-postgres/src/read/lookup.rs": (1, "paths of attributes"),
    "keyfob-store-postgres/src/read/relation.rs": (1, "names of relations"),
    "keyfob-store-sqlite/src/index.rs": (1, "paths of attributes"),
    "keyfob-store-sqlite/src/read/lookup.rs": (1, "paths of attributes"),
    "keyfob-store-sqlite/src/read/relation.rs": (1, "names of relations"),
    "keyfob-store-sqlite/src/write/keys.rs": (1, "paths of attributes"),
    "keyfob-store-testkit/src/cases/queries.rs": (1, "names of types"),
    "keyfob-sync/src/cycle/stage.rs": (2, "booleans that are sent as texts"),
    "keyfob-sync/src/rule.rs": (1, "paths of attributes"),
    "keyfob-sync/src/source/json.rs": (1, "names of kinds"),
    "keyfob-sync/src/source/ldif.rs": (4, "names of classes and attributes of a directory, and its booleans"),
    "keyfob-sync/src/source/ldif/dn.rs": (3, "distinguished names of a directory"),
    "keyfob-sync/src/source/ldif/record.rs": (6, "names of attributes of a directory"),
}

# Whole folders and crates.
FREE = {
    "keyfob-core/src/compare": "the one comparison",
    "keyfob-core/src/compare.rs": "the one comparison",
    "keyfob-core/src/name": "names of attributes and schemas",
    "keyfob-core/src/json": "names of attributes",
    "keyfob-core/src/schema": "names of types and keywords of schemas",
    "keyfob-core/src/message": "keywords of messages",
    "keyfob-filter/src/parse": "keywords of filters",
    "keyfob-filter/src/fold.rs": "searching in what was composed",
    "keyfob-http/src": "tokens of HTTP",
    "keyfob-client/src": "schemes, hosts and media types",
    "keyfob-interop/src/probe": "what any server answers, which is compared as it is",
    "keyfob-cli/src/map": "names of types and kinds, and paths of attributes",
    "keyfob-expression/src": "the functions of another product's language",
    "keyfob-expression-okta/src": "the functions of another product's language",
    "keyfob-mapping/src": "names of other products' attributes",
    "keyfob-card/src": "names of card formats; the crate stands alone",
    "keyfob-testgen/src": "models that share no code with what they test",
}


def code(text):
    """The lines outside of the tests at a file's end and of comments."""
    text = text.split("#[cfg(test)]\nmod tests", 1)[0]
    for number, line in enumerate(text.split("\n"), 1):
        if not line.lstrip().startswith("//"):
            yield number, line


def main():
    faults = []
    for path in sorted(ROOT.glob("crates/*/src/**/*.rs")):
        name = path.relative_to(ROOT / "crates").as_posix()
        if any(name == free or name.startswith(free + "/") for free in FREE):
            continue
        found = [(number, line.strip()) for number, line in code(path.read_text()) if FOUND.search(line)]
        allowed, _ = ALLOWED.get(name, (0, ""))
        if len(found) > allowed:
            faults += [f"crates/{name}:{number}: {line}" for number, line in found]
    for fault in faults:
        print(fault)
    if faults:
        print("compare values by their `CompareKey`, or name the file in .ci/comparisons.py with what it compares")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
