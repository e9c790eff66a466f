"""What happens to servers, done to their containers while clients write; afterwards everything is accounted for."""
import json
import time

import ledger
from clients import Writers
from stack import PROJECT, docker, eventually, run

ENGINES = ("mysql", "rabbitmq", "mongodb")
# Long enough for writes to meet the outage.
OUTAGE_S = 4


def outage(writers):
    """For a time counted in what clients see: some answers or failures, or at least a while."""
    seen, until = len(writers.answered) + len(writers.failures), time.monotonic() + OUTAGE_S
    eventually("the outage was met", lambda: time.monotonic() > until or len(writers.answered) + len(writers.failures) > seen + 60, 60)


def kill(stack, container, writers):
    docker("kill", "--signal", "KILL", container)
    outage(writers)
    docker("start", container)


def pauses(container):
    """On a busy machine the kernel does not always get hold of all processes at once; the engine then lets them go again."""
    run("docker", "pause", container, check=False)
    return docker("inspect", "--format", "{{.State.Paused}}", container) == "true"


def pause(stack, container, writers):
    eventually("it is paused", lambda: pauses(container))
    outage(writers)
    docker("unpause", container)


def disconnect(stack, container, writers):
    networks = json.loads(docker("inspect", "--format", "{{json .NetworkSettings.Networks}}", container))
    for name in networks:
        docker("network", "disconnect", name, container)
    outage(writers)
    for name, network in networks.items():
        aliases = [part for alias in network["Aliases"] or [] for part in ("--alias", alias)]
        docker("network", "connect", *aliases, name, container)


def restart(stack, container, writers):
    docker("restart", container)


def each(stack, doings, targets):
    told = []
    with Writers(stack) as writers:
        for target in targets:
            for doing in doings:
                before = len(writers.failures)
                doing(stack, stack.containers(target)[0], writers)
                eventually(f"{target} is healthy after {doing.__name__}", lambda: stack.healthy(target))
                writers.goes_on()
                told.append(f"{doing.__name__} {target}: {len(writers.failures) - before} to ask again")
    eventually("everything is healthy", stack.all_healthy)
    gaps = len(doings) * len({"email-service", "mailpit"} & set(targets))
    return f"{', '.join(told)}; {ledger.settle(stack, writers.answered, gaps)}"


def short(stack):
    return each(stack, (kill, pause, disconnect), ENGINES)


def restarts(stack):
    return each(stack, (restart, kill), (*ENGINES, "mailpit", "bank-service", "log-service", "email-service", "gateway"))


def power_cut(stack):
    """All at once, also the engine's own order of starting is gone."""
    with Writers(stack) as writers:
        every = docker("ps", "-q", "--filter", f"label=com.docker.compose.project={PROJECT}").split()
        docker("kill", "--signal", "KILL", *every)
        docker("start", *every)
        eventually("everything is healthy", stack.all_healthy)
        writers.goes_on()
    return ledger.settle(stack, writers.answered, gaps=1)
