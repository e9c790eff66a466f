"""From nothing to a bank in the log and a mail."""
import json
import time

import ledger
from clients import Client
from stack import PROJECT, SERVICES, Failed, docker, eventually


def init(stack):
    begun = time.monotonic()
    stack.make("init")
    made = time.monotonic() - begun
    eventually("everything is healthy", stack.all_healthy)
    healthy = time.monotonic() - begun
    # The image's build stage is cargo itself only where the image of Rust could be pulled.
    stack.pages()
    for service in SERVICES:
        told = stack.compose("exec", "-T", service, service, "doctor", check=False)
        if told.returncode:
            raise Failed(f"{service} doctor: {told.stdout}{told.stderr}")
    stack.compose("exec", "-T", "bank-service", "bank-service", "db", "status")
    no_secret_that_is_not_needed(stack)
    stack.make("status")
    return f"make init from nothing took {made:.0f} s, everything was healthy after {healthy:.0f} s"


def no_secret_that_is_not_needed(stack):
    """What `docker inspect` shows of the containers that stay: the administrator's password in none, the owner's of the schema in MySQL's."""
    for secret, holders in (("ADMIN_PASS", set()), ("BANK_DB_OWNER_PASSWORD", {"mysql"}), ("SECRET_KEY", {"bank-service"})):
        value = stack.value(secret)
        left = docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={PROJECT}").split()
        found = {one["Config"]["Labels"]["com.docker.compose.service"] for one in json.loads(docker("inspect", *left)) if value in str(one["Config"]["Env"])}
        assert found == holders, f"{secret} is in the environment of {found}"


def flow(stack):
    client = Client(stack).must_login()
    status, bank = client.ask("POST", "/api/banks", {"name": "The first"})
    assert status == 201, bank

    def entry():
        status, page = client.ask("GET", "/logs?event_type=bank.created")
        assert status == 200, page
        return page["results"]

    eventually("bank.created is in the log", entry, 60)
    status, journey = client.ask("GET", f"/api/events/{entry()[0]['event_id']}/journey")
    assert status == 200 and journey["mail"]["recipients"], f"who got the mail is known: {journey}"
    assert client.ask("GET", "/metrics")[0] == 404, "operators' routes are not open"
    assert Client(stack).ask("GET", "/api/banks")[0] in (401, 403), "without a token"
    return ledger.settle(stack, [bank["item"]["id"]])
