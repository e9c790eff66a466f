"""Prints the folder and the program of each test of a name: test-binary.py NAME..., with cargo's JSON messages on standard
input (cargo test --no-run --message-format=json)."""

import json
import os
import sys

for line in sys.stdin:
    message = json.loads(line)
    if message.get("reason") == "compiler-artifact" and message.get("executable"):
        if "test" in message["target"]["kind"] and message["target"]["name"] in sys.argv[1:]:
            print(message["target"]["name"], os.path.dirname(message["manifest_path"]), message["executable"])
