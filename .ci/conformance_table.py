"""Asserts that every sentence of docs/conformance.md has a test that exists, or a reason that its kind of sentence may have.

With `--texts DIRECTORY`, which holds rfc7643.txt and the others as published, also asserts that the table quotes every sentence
that says MUST, SHALL, SHOULD, REQUIRED or RECOMMENDED. The texts are at https://www.rfc-editor.org/rfc/rfc7643.txt and so on."""

import argparse
import pathlib
import re
import sys

TABLE = pathlib.Path("docs/conformance.md")
RFCS = ["7643", "7644", "9865", "9967"]
# Sections that bind nobody who serves SCIM: the key words, the schemas of section 8.7 of RFC 7643, whose descriptions repeat
# sections 4 to 7, and what is asked of those who register names.
LEFT_OUT = {
    "7643": ["1.1", "8", "10"],
    "7644": [],
    "9865": ["1.1"],
    "9967": ["1.1", "7"],
}
# What may stand in place of a test, and whether a MUST may have it.
REASONS = {
    "client": True,
    "deployment": True,
    "specification": True,
    "not offered": True,
    "choice": False,
}
HEADING = re.compile(r"^## RFC (\d+)")
ROW = re.compile(r"^\| (\d+(?:\.\d+)*) \| (.+) \| (.+) \|$")
TEST = re.compile(r"`([a-z-]+)/([\w/]+)::(\w+)`")
REASON = re.compile(r"^\*([a-z ]+)\*: \S")
KEY_WORD = re.compile(r"\b(?:MUST|SHALL|SHOULD|REQUIRED|RECOMMENDED)\b")
BINDING = re.compile(r"\b(?:MUST|SHALL|REQUIRED)\b")
FUNCTION = re.compile(r"#\[(?:tokio::)?test\b[^\]]*\]\s*(?:#\[[^\]]*\]\s*)*(?:async )?fn (\w+)")
NUMBERED = re.compile(r"^(\d+(?:\.\d+)*)\.?\s{1,3}\S")
APPENDIX = re.compile(r"^Appendix [A-Z]\.")
FURNITURE = re.compile(r"\[Page \d+\]\s*$|^RFC \d+ .*\d{4}\s*$")


def rows():
    """The rows of the table: RFC, section, quotation, and what stands beside it."""
    rfc = None
    for number, line in enumerate(TABLE.read_text().splitlines(), 1):
        heading = HEADING.match(line)
        rfc = heading.group(1) if heading else rfc
        row = ROW.match(line)
        if row and rfc:
            yield number, rfc, *row.groups()


def tests():
    """The test functions of each crate's files."""
    found = {}
    for path in pathlib.Path("crates").glob("*/**/*.rs"):
        names = set(FUNCTION.findall(path.read_text()))
        if names:
            found.setdefault(path.parts[1].removeprefix("keyfob-"), []).append((path.with_suffix("").as_posix(), names))
    return found


def faults_of(number, quotation, shown_by, found):
    """What is wrong with a row."""
    where = f"{TABLE}:{number}"
    if not KEY_WORD.search(quotation):
        yield f"{where}: the quotation has none of the key words"
    named = TEST.findall(shown_by)
    for crate, file, name in named:
        files = [path for path, names in found.get(crate, []) if path.endswith(f"/{file}") and name in names]
        if len(files) != 1:
            yield f"{where}: there is no test `{crate}/{file}::{name}`"
    reason = REASON.match(shown_by)
    if reason and reason.group(1) not in REASONS:
        yield f"{where}: `{reason.group(1)}` is none of {', '.join(REASONS)}"
    elif reason and BINDING.search(quotation) and not REASONS[reason.group(1)]:
        yield f"{where}: a sentence that binds has no test"
    elif not reason and not named:
        yield f"{where}: neither a test nor a reason"


def sections(path):
    """The text of each section, on one line."""
    texts, section = {}, ""
    for line in path.read_text(errors="replace").replace("\f", "\n").splitlines():
        if FURNITURE.search(line):
            continue
        numbered = NUMBERED.match(line)
        if APPENDIX.match(line):
            section = "appendix"
        elif numbered and "...." not in line:
            section = numbered.group(1)
        else:
            texts[section] = f"{texts.get(section, '')} {plain(line)}"
    return {section: " ".join(text.split()) for section, text in texts.items()}


def plain(text):
    """A text without the lines of a table."""
    return re.sub(r"\+[-+]+\+|\|", " ", text)


def left_out(rfc, section):
    return any(section == out or section.startswith(f"{out}.") for out in LEFT_OUT[rfc])


def missing(directory, table):
    """The sentences that the table lacks, and the quotations that the texts lack."""
    for rfc in RFCS:
        texts = sections(directory / f"rfc{rfc}.txt")
        for section, text in texts.items():
            text = re.sub(r'The key words "MUST".*?(?:\[RFC2119\]\.|as shown here\.)', " ", text)
            covered = set()
            for number, _, _, quotation, _ in (row for row in table if row[1:3] == (rfc, section)):
                parts = [" ".join(plain(part).split()) for part in quotation.split("…")]
                starts = [[match.start() for match in re.finditer(re.escape(part), text)] for part in parts]
                if not all(starts):
                    yield f"{TABLE}:{number}: section {section} of RFC {rfc} has no such sentence"
                for part, places in zip(parts, starts):
                    covered |= {place + offset for place in places for offset in range(len(part))}
            if left_out(rfc, section):
                continue
            for word in KEY_WORD.finditer(text):
                if word.start() not in covered:
                    around = text[max(0, word.start() - 60):word.end() + 40]
                    yield f"RFC {rfc} section {section}: the table lacks “…{around}…”"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=pathlib.Path, help="the folder of the RFCs' texts")
    arguments = parser.parse_args()
    table, found = list(rows()), tests()
    faults = [fault for number, _, _, quotation, shown_by in table for fault in faults_of(number, quotation, shown_by, found)]
    faults += [f"{TABLE}: RFC {rfc} has no sentences" for rfc in RFCS if not any(row[1] == rfc for row in table)]
    if arguments.texts:
        faults += missing(arguments.texts, table)
    tested = sum(bool(TEST.search(row[4])) and not REASON.match(row[4]) for row in table)
    print("\n".join(faults) or f"{len(table)} sentences: {tested} tested, {len(table) - tested} with a reason")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
