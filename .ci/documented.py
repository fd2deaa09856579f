"""Prints the commands in the shell blocks of a Markdown file that contain a text, each without its comment.

usage: documented.py FILE TEXT
"""

import sys


def main():
    path, wanted = sys.argv[1:]
    inside = False
    for line in open(path, encoding="utf-8"):
        line = line.rstrip("\n")
        if line.startswith("```"):
            inside = not inside and line in ("```sh", "```console")
        elif inside and wanted in line:
            print(line.split("  #")[0].removeprefix("$ "))


main()
