#!/usr/bin/env python3
"""Holds the sources against the picture of layers in docs/architecture.md.

The picture is a fenced block ```layers CRATE: a line is a layer, the highest first, and names modules of the crate. A module
may use modules of lower lines only, so modules of one line do not know each other. Every module has to be in it, and no file may
use another one that uses it in turn, directly or by others (a circle). A folder's `mod.rs` names what it is made of, so its
arrows to files below it are no part of a circle. Code of tests is passed over.
"""
import os
import re
import sys

PICTURE = "docs/architecture.md"


def layers(page):
    """From each crate to the line that each of its modules stands on."""
    found = {}
    for crate, block in re.findall(r"^```layers (\S+)\n(.*?)^```", page, re.M | re.S):
        lines = [re.findall(r"\w+", line) for line in block.splitlines() if line.strip()]
        found[crate] = {module: number for number, line in enumerate(lines) for module in line}
    return found


def without_tests(source):
    source = re.sub(r"//[^\n]*", "", source)
    source = re.sub(r'"(?:[^"\\]|\\.)*"', '""', source)
    return re.split(r"#\[cfg\(test\)\]\s*mod \w+ \{", source)[0]


def use_trees(text, prefix=()):
    """The paths of a use tree, such as a::{b, c::D as E}; an alias is left out."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += (char == "{") - (char == "}")
        if char == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    for part in [*parts, text[start:]]:
        part = part.strip()
        head, brace, rest = part.partition("{")
        path = (*prefix, *(word for word in re.findall(r"\w+|\*", re.sub(r"\bas \w+", "", head))))
        if brace:
            yield from use_trees(rest.rsplit("}", 1)[0], path)
        elif part:
            yield path


class Crate:
    def __init__(self, folder):
        self.files, self.code, self.reexports = {}, {}, {}
        root = os.path.join(folder, "src")
        for place, _, names in os.walk(root):
            for name in sorted(names):
                if name.endswith(".rs"):
                    path = os.path.join(place, name)
                    words = os.path.relpath(path, root).removesuffix(".rs").split(os.sep)
                    if words[-1] in ("mod", "lib"):
                        words.pop()
                    self.files[tuple(words)] = path
        self.files.pop(("main",), None)
        for module, path in self.files.items():
            with open(path, encoding="utf-8") as file:
                self.code[module] = without_tests(file.read())
        self.leave_out_tests()
        for module in self.files:
            for path in self.used(module, r"\bpub(?:\([^)]*\))? use ([^;]+);"):
                if target := self.module_of(module, path):
                    self.reexports[module, path[-1]] = target

    def leave_out_tests(self):
        for module, code in list(self.code.items()):
            for name in re.findall(r"#\[cfg\(test\)\]\s*(?:pub(?:\([^)]*\))? )?mod (\w+);", code):
                for other in [one for one in self.files if one[: len(module) + 1] == (*module, name)]:
                    del self.files[other], self.code[other]

    def used(self, module, pattern):
        for tree in re.findall(pattern, self.code[module]):
            yield from use_trees(tree)

    def module_of(self, module, path):
        """The module that a path leads to, by re-exports to where the name is defined."""
        words = list(path)
        if words[0] == "crate":
            base, words = (), words[1:]
        elif words[0] in ("self", "super"):
            base = module
            while words and words[0] in ("self", "super"):
                base = base[:-1] if words.pop(0) == "super" else base
        elif (*module, words[0]) in self.files:
            base = module
        else:
            return None
        while words and (*base, words[0]) in self.files:
            base = (*base, words.pop(0))
        if words and (base, words[0]) in self.reexports:
            base = self.reexports[base, words[0]]
        return base if base in self.files else None

    def arrows(self):
        for module in self.files:
            code = re.sub(r"\bpub(?:\([^)]*\))? use [^;]+;", "", self.code[module])
            paths = [path for tree in re.findall(r"(?<!pub )\buse ([^;]+);", code) for path in use_trees(tree)]
            inline = re.sub(r"\buse [^;]+;", "", code)
            paths += [tuple(path.split("::")) for path in re.findall(r"\b(?:crate|super|self)(?:::\w+)+", inline)]
            local = [child[-1] for child in self.files if len(child) == len(module) + 1 and child[:-1] == module]
            for child in local:
                if re.search(rf"(?<![\w:]){child}::", inline):
                    paths.append((child,))
            targets = {self.module_of(module, path) for path in paths if path} - {None, module}
            for target in targets:
                yield module, target


def circles(arrows):
    """The strongly connected components of more than one file (Tarjan, without recursion)."""
    graph = {}
    for one, other in arrows:
        graph.setdefault(one, []).append(other)
        graph.setdefault(other, [])
    index, low, stack, on, found = {}, {}, [], set(), []
    for start in graph:
        if start in index:
            continue
        work = [(start, iter(graph[start]))]
        index[start] = low[start] = len(index)
        stack.append(start), on.add(start)
        while work:
            node, others = work[-1]
            for other in others:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other), on.add(other)
                    work.append((other, iter(graph[other])))
                    break
                if other in on:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    ring = []
                    while not ring or ring[-1] != node:
                        ring.append(stack.pop())
                        on.discard(ring[-1])
                    if len(ring) > 1:
                        found.append(sorted(ring))
    return found


def main():
    with open(PICTURE, encoding="utf-8") as file:
        picture = layers(file.read())
    faults = []
    for folder in sys.argv[1:]:
        crate = Crate(folder)
        floor = picture.get(folder, {})
        names = {module[0] for module in crate.files if module}
        faults += [f"{folder}: module {name} is not in the picture" for name in sorted(names - set(floor))]
        faults += [f"{folder}: the picture names {name}, which is not there" for name in sorted(set(floor) - names)]
        arrows = sorted(set(crate.arrows()))
        for one, other in arrows:
            if one and other and one[0] != other[0] and floor.get(one[0], 0) >= floor.get(other[0], 1):
                faults.append(f"arrow the wrong way: {crate.files[one]} uses {crate.files[other]}")
        for ring in circles([(one, other) for one, other in arrows if other[: len(one)] != one]):
            faults.append("circle: " + ", ".join(crate.files[module] for module in ring))
            if "--explain" in os.environ.get("ARROWS", ""):
                faults += [f"    {crate.files[a]} -> {crate.files[b]}" for a, b in arrows if a in ring and b in ring]
    for fault in faults:
        print(fault)
    if faults:
        sys.exit(1)
    print(f"layers: {len(sys.argv) - 1} crates agree with {PICTURE}")


if __name__ == "__main__":
    main()
