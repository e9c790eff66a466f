"""Memory that is short, stops within the grace period, and what stays after them."""
import http.client
import threading

import ledger
from clients import Client, Writers
from stack import SERVICES, Failed, docker, eventually

CLIENTS = 100
GRACE_S = {"gateway": 10, **{service: 15 for service in SERVICES}, "mysql": 60, "mongodb": 60, "rabbitmq": 60}


def logins_at_the_memory_limit(stack):
    """So many at once that hashing all of them would take several times the container's memory."""
    container = stack.containers("bank-service")[0]
    before = docker("inspect", "--format", "{{.RestartCount}}", container)
    answers = []

    def login(number):
        client = Client(stack, f"198.51.100.{number}")
        for _ in range(3):
            answers.append(client.login())

    threads = [threading.Thread(target=login, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    state = stack.state(container)
    assert state["Status"] == "running" and not state["OOMKilled"], state
    assert docker("inspect", "--format", "{{.RestartCount}}", container) == before, "it was restarted"
    if set(answers) - {200, 429, 503} or answers.count(200) < CLIENTS // 4:
        raise Failed(f"answers to logins: { {one: answers.count(one) for one in set(answers)} }")
    eventually("logins go on", lambda: Client(stack, "198.51.100.250").login() == 200, 60)
    return f"{len(answers)} logins of {CLIENTS} clients: {answers.count(200)} let in, {answers.count(503)} told to come again, no kill"


def open_stream(stack, token):
    """The connection of a client that follows the log for as long as it is let; nothing while there is none to follow."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.gateway_port, timeout=60)
    try:
        connection.request("GET", "/logs/stream", headers={"Authorization": f"Bearer {token}"})
        return connection if connection.getresponse().status == 200 else None
    except (OSError, http.client.HTTPException):
        return None


def stop_and_start(stack):
    """Each ends by itself within its grace period while clients write and one follows the log; the data is there after `make down` and `make run`."""
    with Writers(stack) as writers:
        token = Client(stack, next(ledger.ADDRESSES)).must_login().token
        for service, grace_s in GRACE_S.items():
            container = stack.containers(service)[0]
            stream = eventually("the log can be followed", lambda: open_stream(stack, token))
            docker("stop", container)
            stream.close()
            state = stack.state(container)
            if state["ExitCode"] or state["OOMKilled"]:
                raise Failed(f"{service} ends with {state['ExitCode']}, within {grace_s} s or after a kill")
            docker("start", container)
            eventually(f"{service} is healthy", lambda: stack.healthy(service))
    told = ledger.settle(stack, writers.answered)
    stack.make("down")
    stack.make("run")
    stack.pages()
    eventually("everything is healthy", stack.all_healthy)
    ledger.settle(stack, writers.answered)
    return f"every container ended with 0; down and run kept the data: {told}"
