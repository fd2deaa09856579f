"""Asserts that every requirement of the provisioning domain has a test that cites its number, or a line in CONFORMANCE.md
that says why it has none."""

import pathlib
import re
import sys

# How many requirements each letter has.
REQUIREMENTS = {
    "T": 14, "U": 13, "G": 10, "A": 11, "C": 18, "X": 9, "P": 6, "S": 7, "M": 8, "I": 12, "D": 12, "L": 6, "OP": 1,
}
LETTERS = "|".join(sorted(REQUIREMENTS, key=len, reverse=True))
# A name such as `t_8_t_9_addresses…`, `l_1_to_l_5_…` or `a_2_…_and_a_3_…`, and a comment or message such as `O-15`, `M-1 to M-5`.
NAME = re.compile(r"\bfn (\w+)")
PART = re.compile(rf"(?:^|_)({LETTERS.lower()})_(\d+)(?=_)")
SPAN = re.compile(rf"(?:^|_)({LETTERS.lower()})_(\d+)_to_\1_(\d+)(?=_)")
CITATION = re.compile(rf"(?<![A-Za-z0-9-])({LETTERS})-(\d+)(?!\d)")
CITED_SPAN = re.compile(rf"(?<![A-Za-z0-9-])({LETTERS})-(\d+) to \1-(\d+)(?!\d)")
EXCUSE = re.compile(rf"^\| ({LETTERS})-(\d+) \|.*\| not tested: \S")


def cited(text):
    """The requirements that a file of tests cites."""
    found = set()
    for match in NAME.finditer(text):
        name = match.group(1)
        for letter, first, last in SPAN.findall(name):
            found |= {(letter.upper(), number) for number in range(int(first), int(last) + 1)}
        found |= {(letter.upper(), int(number)) for letter, number in PART.findall(name)}
    found |= {(letter, int(number)) for letter, number in CITATION.findall(text)}
    for letter, first, last in CITED_SPAN.findall(text):
        found |= {(letter, number) for number in range(int(first), int(last) + 1)}
    return found


def main():
    tests = [*pathlib.Path("crates").glob("*/tests/**/*.rs"), *pathlib.Path("examples").glob("*/tests/**/*.rs")]
    texts = [path.read_text() for path in tests]
    for source in pathlib.Path("crates").glob("*/src/**/*.rs"):
        _, marker, unit = source.read_text().partition("#[cfg(test)]\nmod ")
        texts += [unit] if marker else []
    tested = set().union(*map(cited, texts))
    excused = {
        (match.group(1), int(match.group(2)))
        for match in map(EXCUSE.match, pathlib.Path("CONFORMANCE.md").read_text().splitlines())
        if match
    }
    every = [(letter, number) for letter, last in REQUIREMENTS.items() for number in range(1, last + 1)]
    faults = [f"{letter}-{number} has no test and no excuse" for letter, number in every
              if (letter, number) not in tested | excused]
    faults += [f"{letter}-{number} is excused and has a test" for letter, number in sorted(excused & tested)]
    print("\n".join(faults) or f"{len(every) - len(excused)} requirements tested, {len(excused)} excused")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
