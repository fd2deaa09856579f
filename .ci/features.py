"""Asserts what each crate links when its default features are off, and that the crates of figure 1 stay small.

`cargo tree` resolves features as a program would that depends on the crate alone."""

import subprocess
import sys

# What a program links that depends on the crate without its default features: names that must not be among it.
ABSENT = {"getrandom", "uuid", "rand", "idna", "iri-string", "oxilangtag", "chrono-tz", "strsim", "icu_properties"}
BARE = ["keyfob-core", "keyfob-filter", "keyfob-patch", "keyfob-expression"]
# How many crates are linked beside the crate itself, macros that only the compiler runs not counted.
AT_MOST = {"keyfob-filter": 22}
# Features that the crate has by default, and what each of them alone brings.
BRINGS = {
    ("keyfob-core", "uuid"): {"uuid", "getrandom"},
    ("keyfob-core", "formats"): {"iri-string", "oxilangtag"},
    ("keyfob-core", "suggestions"): {"strsim"},
    ("keyfob-expression", "randomness"): {"getrandom"},
    ("keyfob-provisioning", "idna"): {"idna"},
    ("keyfob-mapping", "okta"): {"keyfob-expression-okta", "chrono-tz"},
}
# Features that bring no crate: the crate, what else a program asks of it, the feature, and the crate that has to have it
# then and not before.
PASSED_ON = [
    ("keyfob-mapping", ["okta"], "regex", "keyfob-expression"),
    ("keyfob", ["mapping", "okta"], "regex", "keyfob-expression"),
    ("keyfob", ["mapping", "okta"], "regex", "keyfob-mapping"),
]


def tree(crate, features, format):
    """What `cargo tree` says of each crate that a program links with this one."""
    command = ["cargo", "tree", "--locked", "-p", crate, "-e", "normal,no-proc-macro", "--no-default-features"]
    command += ["--prefix", "none", "--format", format]
    if features:
        command += ["--features", ",".join(features)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [line.split() for line in output.splitlines() if line.strip()]


def linked(crate, *features):
    """The crates that a program links with this one, by name."""
    return {words[0] for words in tree(crate, features, "{p}")} - {crate}


def has(crate, features, other, feature):
    """True if another crate has a feature in a program that depends on the crate with these."""
    lines = tree(crate, features, "{p} features:{f}")
    of_other = [words for words in lines if words[0] == other]
    return any(feature in words[-1].removeprefix("features:").split(",") for words in of_other)


def main():
    faults = []
    for crate in BARE:
        names = linked(crate)
        print(f"{crate}: {len(names)} crates without default features")
        if present := sorted(names & ABSENT):
            faults.append(f"{crate} links {', '.join(present)} without default features")
        if len(names) > AT_MOST.get(crate, sys.maxsize):
            faults.append(f"{crate} links {len(names)} crates, more than {AT_MOST[crate]}: {', '.join(sorted(names))}")
    for (crate, feature), brought in BRINGS.items():
        bare = linked(crate)
        if crate not in BARE and (present := sorted(bare & brought)):
            faults.append(f"{crate} links {', '.join(present)} without `{feature}`")
        if missing := sorted(brought - linked(crate, feature)):
            faults.append(f"{crate} with `{feature}` doesn't link {', '.join(missing)}: is the feature still of use?")
    for crate, others, feature, other in PASSED_ON:
        if has(crate, others, other, feature):
            faults.append(f"{crate} turns `{feature}` of {other} on without `{feature}`")
        if not has(crate, [*others, feature], other, feature):
            faults.append(f"{crate} with `{feature}` doesn't turn it on in {other}")
    for fault in faults:
        print(fault)
    print(f"{len(faults)} faults")
    return bool(faults)


sys.exit(main())
