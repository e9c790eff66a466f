#!/usr/bin/env python3
"""Keeps words out of names that are not the field's terms: docs/glossary.md has those that are.

Each identifier of a Rust source, and each file name, is split into its words (snake_case, CamelCase). A word of `PRIVATE` is a fault
unless `ALLOWED` names the identifier. Strings and comments are passed over.
"""
import re
import subprocess
import sys

PRIVATE = re.compile(
    r"told|tells?|telling|heard|hears?|letters?|offices?|desks?|house|fates?|arrivals?|together|look(s|ed|ing)?|away|bury|buried"
    r"|goodbye|gather(s|ed|ing)?|lanes?|seats?|judg(e|es|ed|ing)|standings?|admissions?|admit(s|ted)?|claimants?|prove[sd]?|unproved"
    r"|presented|janitor|cast|stages?|worlds?|moods?|troubles?|accus(e|es|er|ers)|circumstances?|recipes?|hands?|handed|news|notes"
    r"|verdicts?|parcels?|setback|patience|say(s|ing)?|said|whoever"
)
# The standard term, and names of the language, of libraries and of the wire.
STANDARD = re.compile(r"dead_letters?|deadletters?|DeadLetters?|DEAD_LETTERS?")
ALLOWED = {
    # Letters of an alphabet.
    "bank-service/src/domain/name.rs": {"letter", "letters"},
    "deploy/standalone/src/demo.rs": {"letter"},
    "deploy/system-tests/src/fault/ledger.rs": {"letters"},
    "deploy/system-tests/src/kill/clients.rs": {"letters"},
    # A key of the JSON that two services exchange.
    "bank-service/src/trace/peer_clients.rs": {"hands"},
    "log-service/src/http/lookup.rs": {"hands", "look"},
    # The verb of the `prometheus` crate.
    "service-kit/src/telemetry/metrics.rs": {"gather"},
    # Argon2's own term (RFC 9106).
    "bank-service/src/identity/password/hashing.rs": {"lanes"},
    "bank-service/src/identity/password/imported_hash.rs": {"lanes"},
    "deploy/bench/src/hash.rs": {"lanes"},
    # To look up.
    "log-service/src/domain/access.rs": {"look"},
    "log-service/src/http/access.rs": {"look"},
    "service-kit/tests/http/auth.rs": {"says"},
}
LITERALS = re.compile(
    r'//[^\n]*|/\*.*?\*/|b?r(#*)".*?"\1|b?"(?:[^"\\]|\\.)*"|\'(?:[^\'\\\n]|\\[^\n]{1,10})\'|#!?\[(?:expect|allow)\([^\]]*\]', re.S
)


def words(name):
    return re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", STANDARD.sub("", name))


def faults(path, source):
    allowed = ALLOWED.get(path, set())
    code = LITERALS.sub(lambda match: "\n" * match[0].count("\n"), source)
    for number, line in enumerate(code.splitlines(), 1):
        for name in re.findall(r"[A-Za-z_][A-Za-z0-9_]*", line):
            for word in words(name):
                if PRIVATE.fullmatch(word.lower()) and word.lower() not in allowed:
                    yield f"{path}:{number}: {name} ({word.lower()})"


def main():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.rs"], capture_output=True, text=True, check=True)
    paths = listed.stdout.split()
    if not paths:
        sys.exit("words: no sources were found")
    found = []
    for path in paths:
        found += [f"{path}: the file's name ({word})" for word in words(path) if PRIVATE.fullmatch(word.lower())]
        try:
            with open(path, encoding="utf-8") as file:
                found += faults(path, file.read())
        except FileNotFoundError:
            continue
    if found:
        print(*dict.fromkeys(found), sep="\n")
        sys.exit("words: the field has other words for these: see docs/glossary.md")
    print(f"words: the names of {len(paths)} sources are the field's")


if __name__ == "__main__":
    main()
