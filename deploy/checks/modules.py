#!/usr/bin/env python3
"""Fails if a Rust file belongs to no crate: a file that no `mod` names is not compiled, and its tests never run.

A crate begins at the files that cargo finds by itself and at those that its Cargo.toml names.
"""
import glob
import os
import re
import subprocess
import sys

ROOTS = ["build.rs", "src/lib.rs", "src/main.rs"] + [
    f"{folder}/{name}" for folder in ("src/bin", "tests", "examples", "benches") for name in ("*.rs", "*/main.rs")
]
MODULE = re.compile(r'(?:^\s*#\[path = "([^"]+)"\]\n)?^\s*(?:pub(?:\([^)]*\))? )?mod (\w+);', re.M)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def roots(manifest):
    folder = os.path.dirname(manifest)
    named = re.findall(r'^path = "([^"]+\.rs)"', read(manifest), re.M)
    return [path for root in ROOTS + named for path in glob.glob(os.path.join(folder, root))]


def modules(path, owns_folder):
    """The files of the modules that a file names, each with whether its own modules lie beside it."""
    beside = os.path.dirname(path)
    below = beside if owns_folder else path.removesuffix(".rs")
    for place, name in MODULE.findall(read(path)):
        if place:
            yield os.path.normpath(os.path.join(beside, place)), True
        else:
            yield os.path.join(below, name + ".rs"), False
            yield os.path.join(below, name, "mod.rs"), True


os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.rs", "*Cargo.toml"]
listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
files = {file for file in listed if os.path.exists(file)}
reached, waiting = set(), [(root, True) for file in files if file.endswith("Cargo.toml") for root in roots(file)]
while waiting:
    path, owns_folder = waiting.pop()
    if path in files and path not in reached:
        reached.add(path)
        waiting += modules(path, owns_folder)
sources = {file for file in files if file.endswith(".rs")}
sources or sys.exit("modules: git lists no sources here")
faults = sorted(sources - reached)
print("\n".join(f"{file}: no `mod` names it, so it is not compiled" for file in faults) or f"modules: {len(sources)} sources are compiled")
sys.exit(bool(faults))
