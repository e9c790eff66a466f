"""The older services' settings, word for word, start a system that works: login, bank, account, log entries, mails; and each
process names what these settings are called here. To be run by old-env.sh, inside a network of its own."""

import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

from network import forward, mail_server

PATIENCE_S = 120
HERE = pathlib.Path(__file__).parent
RUN = pathlib.Path(os.environ["LOCAL_RUN_DIR"])
FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="old-env-", dir=RUN))
ANY_CERTIFICATE = ssl._create_unverified_context()
# What each process says of the names in its file.
TOLD = {
    "bank": ["FLASK_ENV", "APP_ENV", "FLASK_CERT", "TLS", "JWT_SECRET_KEY", "SQLALCHEMY_DATABASE_URI", "DATABASE_URL",
             "RABBITMQ_HOST", "AMQP_URI", "write http:// in LOG_SERVICE_URL"],
    "log": ["MONGODB_COLLECTIONS", "MONGODB_COLLECTION", "write https:// in JWKS_URL"],
    "email": ["email_host", "EMAIL_HOST", "email_app_password", "EMAIL_APP_PASSWORD", "email_subject", "write https:// in JWKS_URL"],
}


def fail(what):
    sys.exit(f"old-env: FAILED: {what}")


def environment():
    """Nothing of ours: the files alone say what is what. But whom to trust, since the mail server's certificate is made here."""
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**env, "EMAIL_SMTP_CA": str(FOLDER / "mail.pem")}


def prepare_engines():
    database = urllib.parse.urlsplit(os.environ["DATABASE_URL"])
    sql = ("CREATE DATABASE mybank; CREATE USER root@'127.0.0.1' IDENTIFIED BY 'pass'; "
           "GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION")
    server = os.environ["DATABASE_SERVER"]
    client = [RUN / server / "client", "--no-defaults", f"--socket={os.environ['DATABASE_SOCKET']}", "--user=root", "-e", sql]
    subprocess.run(client, check=True, timeout=PATIENCE_S)
    for command in (["add_user", "guest", "guest"], ["set_permissions", "-p", "/", "guest", ".*", ".*", ".*"]):
        subprocess.run([os.environ["RABBITMQ_CTL"], *command], check=True, timeout=PATIENCE_S)
    broker = urllib.parse.urlsplit(os.environ["AMQP_URI"])
    mongodb = urllib.parse.urlsplit(os.environ["MONGODB_URI"].split(",")[0])
    for wanted, real in ((3306, database.port), (5672, broker.port), (27017, mongodb.port)):
        forward(wanted, real)
    hosts = FOLDER / "hosts"
    hosts.write_text("127.0.0.1 localhost smtp.gmail.com\n")
    subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)


def start(name, *arguments):
    folder = FOLDER / name
    folder.mkdir(exist_ok=True)
    shutil.copy(HERE / f"{name}.env", folder / ".env")
    log = open(folder / "errors", "ab")
    binary = pathlib.Path(os.environ["BIN"]) / f"{name}-service"
    return subprocess.Popen([binary, *arguments], cwd=folder, env=environment(), stdout=log, stderr=log)


def errors(name):
    return (FOLDER / name / "errors").read_text()


def ask(method, url, token=None, body=None):
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(url, json.dumps(body).encode() if body is not None else None, headers, method=method)
    with urllib.request.urlopen(request, timeout=30, context=ANY_CERTIFICATE) as answer:
        return json.load(answer)


def eventually(what, question):
    deadline, last = time.monotonic() + PATIENCE_S, None
    while time.monotonic() < deadline:
        try:
            last = question()
            if last:
                return last
        except (urllib.error.URLError, ConnectionError, ssl.SSLError) as error:
            last = error
        time.sleep(0.2)
    for name in TOLD:
        print(f"--- {name}\n{errors(name)[-3000:]}", file=sys.stderr)
    fail(f"{what}: {last}")


def flow(mails):
    bank, log, email = "https://localhost:5000", "http://localhost:8000", "http://localhost:8001"
    eventually("bank-service answers by https", lambda: ask("GET", f"{bank}/ping")["message"] == "pong!")
    login = {"email": "admin@gmail.com", "password": "password"}
    token = eventually("the administrator logs in", lambda: ask("POST", f"{bank}/auth/login", body=login)["access_token"])
    made = ask("POST", f"{bank}/api/banks", token, {"name": "Old Bank"})["item"]["id"]
    client = ask("POST", f"{bank}/api/clients", token, {"name": "John Doe"})["item"]["id"]
    ask("POST", f"{bank}/api/banks/{made}/accounts", token, {"client_id": client, "balance": 520})
    wanted = {"account.created", "bank.created"}

    def logged():
        return wanted <= {entry["event_type"] for entry in ask("GET", f"{log}/api/logs?page_size=100", token)["results"]}

    eventually("account and bank are in the log", logged)
    for receiver in ("test@gmail.com", "example@gmail.com"):
        for subject in ("Old Bank", "account"):
            arrived = lambda: any(receiver in to and subject in text for to, text in mails)
            eventually(f"a mail about {subject} to {receiver}", arrived)
    if ask("GET", f"{email}/api/emails", token)["total"] < 4:
        fail("email-service does not list the mails")


def main():
    mails = mail_server(FOLDER, 465, "smtp.gmail.com", "your_address@gmail.com", "abcd abcd abcd abcd")
    prepare_engines()
    init = start("bank", "init")
    if init.wait(PATIENCE_S) != 0:
        fail(f"bank-service init: {errors('bank')}")
    processes = [start(name) for name in TOLD]
    try:
        flow(mails)
        for name, words in TOLD.items():
            missing = [word for word in words if word not in errors(name)]
            if missing:
                fail(f"{name}-service does not tell of {missing}: {errors(name)[:3000]}")
            if errors(name).count("that port speaks") > 1:
                fail(f"{name}-service warns of the other scheme more than once: {errors(name)[:3000]}")
            for secret in ("JWT_SECRET\"", "root:pass", "abcd abcd"):
                if secret in errors(name):
                    fail(f"{name}-service shows a secret")
        for process in processes:
            process.send_signal(signal.SIGTERM)
        ended = [process.wait(30) for process in processes]
        if any(ended):
            last = [f"{name}: {errors(name)[-1000:]}" for name, code in zip(TOLD, ended) if code]
            fail(f"exit codes {ended}; the last lines are {last}")
    finally:
        for process in processes:
            process.kill()
    print(f"old-env: the old settings work on {os.environ['DATABASE_VERSION']}, {os.environ['BROKER_VERSION']}, "
          f"MongoDB {os.environ['MONGODB_VERSION']}; {len(mails)} mails")


if __name__ == "__main__":
    main()
