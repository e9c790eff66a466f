"""Secrets that are wrong, missing, from an example, or changed; TLS; a mail server that is away."""
import ssl

import ledger
from clients import Client
from stack import FOLDER, PROJECT, Failed, docker, eventually, run

SECRETS = (
    "MYSQL_ROOT_PASSWORD BANK_DB_OWNER_PASSWORD BANK_DB_PASSWORD RABBITMQ_BANK_PASSWORD RABBITMQ_LOG_PASSWORD RABBITMQ_EMAIL_PASSWORD "
    "MONGO_ROOT_PASSWORD MONGO_LOG_PASSWORD MONGO_EMAIL_PASSWORD MONGO_REPLICA_KEY EMAIL_APP_PASSWORD RABBITMQ_OPERATOR_PASSWORD "
    "MAILPIT_PASSWORD MONGO_OPERATOR_PASSWORD PAGES_SESSION_SECRET PAGES_COOKIE_SECRET GRAFANA_PASSWORD"
).split()


def without_settings(stack):
    """Before `make init` the other targets say so, and start nothing."""
    chosen = stack.env_file.read_text()
    stack.env_file.unlink()
    for target in ("run", "down", "status"):
        told = stack.make(target, check=False)
        if told.returncode == 0 or "make init" not in told.stderr:
            raise Failed(f"make {target} without .env does not say what to do: {told.stderr[-400:]}")
    stack.env_file.write_text(chosen)
    left = docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={PROJECT}")
    assert not left, "something was started"


def running_with(stack, name, value):
    before = stack.value(name)
    stack.set(**{name: value})
    told = stack.make("run", check=False)
    stack.set(**{name: before})
    if told.returncode == 0 or name not in told.stderr + told.stdout:
        raise Failed(f"{name} is not refused by its name: {told.stdout[-400:]}{told.stderr[-800:]}")


def changed_secrets(stack):
    started = lambda: {service: stack.state(stack.containers(service)[0])["StartedAt"] for service in ("mysql", "rabbitmq", "mongodb", "bank-service")}
    before = started()
    running_with(stack, "RABBITMQ_LOG_PASSWORD", "change-me-now-please")
    running_with(stack, "MYSQL_ROOT_PASSWORD", "")
    running_with(stack, "ADMIN_PASS", "short")
    running_with(stack, "SECRET_KEY", "0" * 48)
    assert started() == before, "a refused secret touches nothing that runs"
    stack.set(**{name: f"{number:02}-changed.by-hand" if name != "MONGO_REPLICA_KEY" else "changedByHand1" for number, name in enumerate(SECRETS)})
    stack.make("run")
    stack.pages()
    eventually("everything is healthy", stack.all_healthy)
    status, bank = Client(stack).must_login().ask("POST", "/api/banks", {"name": "After the change"})
    assert status == 201, bank
    leaked = stack.value("SECRET_KEY")
    stack.make("rotate-secret")
    assert leaked not in stack.env_file.read_text(), "the old key is left"
    eventually("everything is healthy", stack.all_healthy)
    Client(stack).must_login()
    return f"refused ones touched nothing; {len(SECRETS)} changed at once, and everything was sealed anew: {ledger.settle(stack, [bank['item']['id']])}"


def mail_away(stack):
    """The bank starts from nothing and serves; the mail waits, and goes once its server is back."""
    stack.make("down")
    stack.set(EMAIL_HOST="mail.invalid")
    stack.make("run")
    stack.pages()
    status, bank = Client(stack).must_login().ask("POST", "/api/banks", {"name": "Without mail"})
    assert status == 201, bank
    stack.set(EMAIL_HOST="mailpit")
    stack.make("run")
    eventually("everything is healthy", stack.all_healthy)
    return ledger.settle(stack, [bank["item"]["id"]])


def tls_at_the_gateway(stack):
    certificate, key = FOLDER / "gateway.pem", FOLDER / "gateway.key"
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
        "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate))
    plain = stack.value("PUBLIC_URL")
    stack.set(GATEWAY_TLS_CERT=certificate, GATEWAY_TLS_KEY=key, PUBLIC_URL=plain.replace("http:", "https:"))
    stack.make("run")
    stack.tls, stack.scheme = ssl.create_default_context(cafile=str(certificate)), "https"
    eventually("everything is healthy", stack.all_healthy)
    Client(stack).must_login()
    stack.scheme = "http"
    status, _ = Client(stack).ask("GET", "/ping")
    assert status == 301, f"plain HTTP at the port of TLS: {status}"
    stack.set(GATEWAY_TLS_CERT="", GATEWAY_TLS_KEY="", PUBLIC_URL=plain)
    stack.make("run")
    eventually("everything is healthy", stack.all_healthy)
    Client(stack).must_login()

