"""Checks that the paths of the repository that its documents name exist.

A path stands in backticks or is what a link or the definition of one leads to, and begins with one of the repository's folders. `{a,b}` stands for
both.
"""

import itertools
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ("crates", "examples", "benches", "fuzz", "testdata", "docs", ".ci")
NAMED = re.compile(r"(?:[`(]|\]: )((?:%s)/[\w./{},-]+)(?:[`)#]|$)" % "|".join(map(re.escape, FOLDERS)))


def expanded(path):
    """All paths that one with braces stands for."""
    parts = re.split(r"\{([^{}]*)\}", path)
    choices = [part.split(",") if number % 2 else [part] for number, part in enumerate(parts)]
    return ["".join(choice) for choice in itertools.product(*choices)]


def documents():
    """The documents of the repository and of its crates."""
    for pattern in ("*.md", "docs/**/*.md", "crates/*/README.md", "examples/*/README.md"):
        yield from sorted(ROOT.glob(pattern))


def main():
    faults = []
    for document in documents():
        for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), 1):
            for named in NAMED.findall(line):
                for path in expanded(named):
                    # Made by a run, such as what fuzzing finds.
                    if not (ROOT / path).exists() and not path.startswith(("fuzz/corpus", "fuzz/artifacts")):
                        faults.append(f"{document.relative_to(ROOT)}:{number}: there is no `{path}`")
    print("\n".join(faults) or "all paths that the documents name exist")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
