"""A bank, its mail and its log entry through the gateway, live; then what each user of the servers must not do.

flow.py GATEWAY_URL AMQP_PORT MONGO_PORT INBOX_URL, with the secrets of deploy/compose/.env in the environment.
"""
import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid

import pika
import pymongo
import pymongo.errors

LIMIT_S = 60
gateway, amqp_port, mongo_port, inbox = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
env = os.environ


def ask(path, body=None, token=None, method=None, timeout=30, key=None):
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if key:
        headers["Idempotency-Key"] = key
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(gateway + path, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def eventually(what, holds):
    until = time.monotonic() + LIMIT_S
    while True:
        found = holds()
        if found:
            return found
        assert time.monotonic() < until, f"not within {LIMIT_S} s: {what}"
        time.sleep(0.2)


def follow(token, seen, ready):
    request = urllib.request.Request(gateway + "/logs/stream", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=LIMIT_S) as stream:
        ready.set()
        for line in stream:
            if line.startswith(b"data:") and b'"bank.created"' in line:
                seen.append(json.loads(line[5:]))
                return


def check_flow():
    status, tokens = ask("/auth/login", {"email": env["ADMIN_EMAIL"], "password": env["ADMIN_PASS"]})
    assert status == 200, tokens
    token = tokens["access_token"]
    seen, ready = [], threading.Event()
    follower = threading.Thread(target=follow, args=(token, seen, ready), daemon=True)
    follower.start()
    assert ready.wait(LIMIT_S), "the stream does not open"
    status, made = ask("/api/banks", {"name": "Compose Bank"}, token)
    assert status == 201, made

    def entry():
        status, page = ask("/logs?event_type=bank.created", token=token)
        assert status == 200, page
        return page["results"]

    entries = eventually("bank.created is logged", entry)
    follower.join(LIMIT_S)
    assert seen and seen[0]["event_id"] == entries[0]["event_id"], (seen, entries)

    def mails():
        with urllib.request.urlopen(inbox + "/email", timeout=30) as answer:
            return json.load(answer)

    found = eventually("the mail is there", mails)
    assert any(entries[0]["event_id"] in mail["headers"].get("message-id", "") for mail in found), found
    status, deliveries = ask("/emails", token=token)
    assert status == 200 and deliveries["total"] >= 1, deliveries
    assert ask("/api/logs")[0] == 403 and ask("/api/emails")[0] == 403, "without a token"
    assert ask("/metrics")[0] == 404


def check_money():
    """A payment and a hold, with the rights of the user that serves."""
    token = ask("/auth/login", {"email": env["ADMIN_EMAIL"], "password": env["ADMIN_PASS"]})[1]["access_token"]

    def post(path, body):
        # Production wants a key wherever money moves.
        status, made = ask(path, body, token, key=str(uuid.uuid4()))
        assert status in (200, 201), (path, made)
        return made["item"]

    bank, client = post("/api/banks", {"name": "Money Bank"}), post("/api/clients", {"name": "Ann Smith"})
    opened = {"client_id": client["id"], "bank_id": bank["id"], "balance": 500}
    one, other = post("/api/accounts", opened), post("/api/accounts", opened)
    order = {"from": {"account_id": one["id"]}, "to": {"account_id": other["id"]}, "amount": 50}
    post("/api/transfers", order)
    hold = post("/api/transfers", {**order, "hold": True})
    post(f"/api/transfers/{hold['id']}/capture", {"amount": 20})
    status, account = ask(f"/api/accounts/{one['id']}", token=token)
    assert status == 200 and (account["balance"], account["held"]) == (430, 0), account


def forbidden(what, attempt):
    try:
        attempt()
    except pika.exceptions.ChannelClosedByBroker as error:
        assert error.reply_code == 403, (what, error)
    else:
        raise AssertionError(f"allowed: {what}")


def channel_of(user, password):
    login = pika.PlainCredentials(user, password)
    connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", amqp_port, credentials=login))
    return connection


def check_broker():
    users = {
        "bank-service": env["RABBITMQ_BANK_PASSWORD"], "log-service": env["RABBITMQ_LOG_PASSWORD"],
        "email-service": env["RABBITMQ_EMAIL_PASSWORD"],
    }
    queues = {"bank-service": "bank-service.acks", "log-service": "log-service", "email-service": "email-service"}
    # Events of others; the first has links and codes in it.
    foreign = {"bank-service": "email.requested", "log-service": "email.requested", "email-service": "sms.requested"}
    for user, password in users.items():
        connection = channel_of(user, password)
        attempt = lambda what, do: forbidden(f"{user} {what}", lambda: do(connection.channel()))
        attempt("makes a queue", lambda c: c.queue_declare("mine", durable=True))
        attempt("makes an exchange", lambda c: c.exchange_declare("mine", "topic"))
        attempt("removes the exchange", lambda c: c.exchange_delete("topic_exchange"))
        attempt(f"binds to {foreign[user]}", lambda c: c.queue_bind(queues[user], "topic_exchange", foreign[user]))

        def publish_to_queue(channel):
            channel.confirm_delivery()
            channel.basic_publish("", queues["email-service"], b"{}")
        attempt("publishes by the default exchange, which reaches every queue", publish_to_queue)
        for other, queue in queues.items():
            if other != user:
                attempt(f"reads {queue}", lambda c: c.basic_get(queue))
                attempt(f"empties {queue}", lambda c: c.queue_purge(queue))
                attempt(f"removes {queue}", lambda c: c.queue_delete(queue))
        if user != "bank-service":
            def publish(channel):
                channel.confirm_delivery()
                channel.basic_publish("topic_exchange", "bank.created", b"{}")
            attempt("publishes events", publish)
        connection.close()
    try:
        channel_of("guest", "guest")
    except pika.exceptions.AMQPConnectionError:
        pass
    else:
        raise AssertionError("allowed: guest")


def check_log_store():
    for user, password, other in [
        ("log-service", env["MONGO_LOG_PASSWORD"], "email"), ("email-service", env["MONGO_EMAIL_PASSWORD"], "logs"),
    ]:
        client = pymongo.MongoClient("127.0.0.1", mongo_port, username=user, password=password, directConnection=True)
        for database in (other, "admin"):
            try:
                client[database]["x"].find_one()
            except pymongo.errors.OperationFailure as error:
                assert error.code == 13, error
            else:
                raise AssertionError(f"allowed: {user} reads {database}")
    try:
        pymongo.MongoClient("127.0.0.1", mongo_port, directConnection=True)["logs"]["logs"].find_one()
    except pymongo.errors.OperationFailure:
        pass
    else:
        raise AssertionError("allowed: reading without a login")


check_flow()
check_money()
check_broker()
check_log_store()
