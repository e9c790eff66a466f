#!/usr/bin/env python3
"""Fails if a Markdown page names a file or folder of the repository that does not exist.

Checked are relative links, `[text](path)`, and paths in code spans and fenced blocks whose first part is a folder at the top
of the repository or beside the page. `{a,b}` is expanded, and a pattern with `*` has to match something; of a path with a
placeholder (`<name>`, `…`) only the folders before it are checked. Paths that git ignores are passed over: a run makes them.
"""
import glob
import os
import pathlib
import re
import subprocess
import sys

LINK = re.compile(r"\]\(([^)\s#]+)")
SPAN = re.compile(r"`([^`]+)`")
PATH = re.compile(r"(?<![\w./:@$~-])\.?[\w-][\w.-]*/[\w.,{}*<>…/-]*")


def git(*arguments, text=None):
    command = subprocess.run(["git", *arguments], input=text, capture_output=True, text=True, timeout=60)
    return command.stdout.splitlines()


def expanded(path):
    """The paths that a path with braces stands for."""
    if found := re.search(r"\{([^{}]*)\}", path):
        return [one for part in found[1].split(",") for one in expanded(path[: found.start()] + part + path[found.end() :])]
    return [os.path.dirname(re.split(r"[<…{]", path)[0]) if re.search(r"[<…{]", path) else path]


def named(page, folders):
    """Of every path that a page names: its line, the path as it is written, and the files that it may mean."""
    beside, in_block = os.path.dirname(page), False
    for number, line in enumerate(pathlib.Path(page).read_text(encoding="utf-8").splitlines(), 1):
        if line.lstrip().startswith("```"):
            in_block = not in_block
        for link in [] if in_block else LINK.findall(SPAN.sub("", line)):
            if ":" not in link:
                yield number, link, [link[1:] if link.startswith("/") else os.path.join(beside, link)]
        for text in [line] if in_block else SPAN.findall(line):
            for word in [word.rstrip(".,") for word in PATH.findall(text)]:
                bases = [base for base in {"", beside} if os.path.join(base, word.split("/")[0]) in folders]
                for path in expanded(word) if bases else []:
                    yield number, word, [os.path.join(base, path) for base in bases]


os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
files = git("ls-files", "--cached", "--others", "--exclude-standard")
files or sys.exit("paths: git lists no files here")
folders = {file[:at] for file in files for at, char in enumerate(file) if char == "/"}
missing = {}
for page in [file for file in files if file.endswith(".md") and os.path.exists(file)]:
    for number, word, places in named(page, folders):
        if not any(glob.glob(place) for place in places):
            missing.setdefault(os.path.normpath(places[0]), []).append(f"{page}:{number}: {word} does not exist")
ignored = set(git("check-ignore", "--stdin", text="\n".join(missing)))
faults = [fault for place, found in missing.items() if place not in ignored for fault in found]
print("\n".join(faults) or "paths: every file that a page names exists")
sys.exit(bool(faults))
