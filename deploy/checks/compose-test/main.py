"""Runs the cases in their order on one stack: main.py [CASE ...]; FULL=1 runs those that take longer as well.

The first that fails ends the run; with GO_ON=1 the others are tried on what it left.
"""
import os
import re
import sys
import time
import traceback

from cases import CASES
from stack import COSTS, FOLDER, Failed, Stack, docker


def versions(stack):
    """What the containers that run say of themselves."""
    asked = {
        "MySQL": ("mysql", "mysqld", "--version"), "RabbitMQ": ("rabbitmq", "rabbitmqctl", "version"),
        "MongoDB": ("mongodb", "mongod", "--version"), "nginx": ("gateway", "nginx", "-v"),
    }
    told = []
    for name, (service, *command) in asked.items():
        answer = stack.compose("exec", "-T", service, *command, check=False)
        found = re.search(r"\d+\.\d+\.\d+", answer.stdout + answer.stderr)
        told.append(f"{name} {found.group() if found else 'unknown'}")
    look_alikes = docker("images", "-q", "--filter", "label=looks-like")
    return ", ".join(told) + (" in look-alike images" if look_alikes else " in the pinned images")


def main():
    full = bool(os.environ.get("FULL"))
    wanted = sys.argv[1:] or [name for name, case in CASES.items() if full or not case.long]
    unknown = set(wanted) - CASES.keys()
    if unknown:
        sys.exit(f"unknown: {unknown}; there are: {', '.join(CASES)}")
    stack, begun, failed, servers = Stack(), time.monotonic(), [], "no servers"
    stack.remove()
    stack.clone()
    stack.choose()
    try:
        for name in wanted:
            start = time.monotonic()
            try:
                told = CASES[name](stack)
            except (Failed, AssertionError, OSError, ValueError) as error:
                failed.append(name)
                traceback.print_exc()
                print(f"compose-test: FAILED {name}: {error}", flush=True)
                tell_costs()
                keep_logs(stack, name)
                if not os.environ.get("GO_ON"):
                    break
                continue
            print(f"compose-test: {name}: {told or 'as promised'} ({time.monotonic() - start:.0f} s)", flush=True)
            tell_costs()
        servers = versions(stack)
    finally:
        stack.remove()
    minutes, seconds = divmod(round(time.monotonic() - begun), 60)
    outcome = f"FAILED: {', '.join(failed)}" if failed else f"{len(wanted)} cases passed ({'all' if full else 'the short set'})"
    print(f"compose-test: {outcome}, in {minutes} min {seconds} s")
    print(f"compose-test: on {os.environ.get('ENGINE_VERSIONS', 'an engine')}; {servers}")
    sys.exit(1 if failed else 0)


def tell_costs():
    if COSTS:
        print(f"  waited for: {', '.join(COSTS)}", flush=True)
    COSTS.clear()


def keep_logs(stack, name):
    logs = FOLDER.parent / f"failed-{name}.log"
    told = stack.compose("--profile", "*", "ps", "-a", check=False).stdout
    logs.write_text(told + stack.compose("--profile", "*", "logs", "--no-color", "--tail", "5000", check=False).stdout)
    print(told, f"the containers' logs are in {logs}", sep="\n")


main()
