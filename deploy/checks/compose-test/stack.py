"""A copy of the repository that an operator has just cloned, its containers, and waiting for states of them."""
import base64
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

REPO = Path(__file__).resolve().parents[3]
FOLDER = REPO / "target/compose-test/stack"
PROJECT = "bank-test"
LIMIT_S = 240
# With the image's own toolchain, everything is compiled for release.
BUILD_LIMIT_S = 3600
SERVICES = ("bank-service", "log-service", "email-service")


class Failed(Exception):
    """The system did not do what it promises."""


# What a case waited for, and how long; told with its outcome.
COSTS = []
WORTH_TELLING_S = 2


def costs(what, begun):
    if time.monotonic() - begun >= WORTH_TELLING_S:
        COSTS.append(f"{what} {time.monotonic() - begun:.0f} s")


def eventually(what, holds, limit_s=LIMIT_S, every_s=0.3):
    """Waits until `holds` gives something true, and gives that."""
    begun = time.monotonic()
    until = begun + limit_s
    while True:
        found = holds()
        if found:
            costs(what, begun)
            return found
        if time.monotonic() > until:
            raise Failed(f"not within {limit_s} s: {what}")
        time.sleep(every_s)


def run(*command, check=True, limit_s=900, **more):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False, **more)
    except subprocess.TimeoutExpired as late:
        raise Failed(f"{' '.join(command)}: not within {limit_s} s") from late
    if check and done.returncode:
        raise Failed(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout[-1500:]}\n{done.stderr[-3000:]}")
    return done


def docker(*arguments, **more):
    return run("docker", *arguments, **more).stdout.strip()


def free_ports(count):
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


class Stack:
    def __init__(self):
        self.gateway_port, self.rabbit_port, self.mail_port = free_ports(3)
        self.scheme = "http"
        # Events whose mail was seen.
        self.mailed = set()
        self.mailed_twice = set()

    def clone(self):
        """As cloned by somebody whose files are nobody else's (umask 077): nothing of what `make init` writes."""
        shutil.rmtree(FOLDER, ignore_errors=True)
        os.umask(0o077)
        FOLDER.mkdir(parents=True)
        files = run("git", "ls-files", "-z", "-co", "--exclude-standard", cwd=REPO).stdout.split("\0")
        for name in filter(None, files):
            if (REPO / name).is_file():
                target = FOLDER / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(REPO / name, target)
                target.chmod(target.stat().st_mode & 0o700)

    def choose(self):
        """What an operator with other systems on the same machine sets before the first `make init`; all else is as it comes."""
        chosen = {
            "COMPOSE_PROJECT_NAME": PROJECT, "IMAGE_TAG": "test", "GATEWAY_PORT": self.gateway_port,
            "PUBLIC_URL": f"http://127.0.0.1:{self.gateway_port}", "PAGES_RABBITMQ_PORT": self.rabbit_port,
            "PAGES_MAILPIT_PORT": self.mail_port, "FRONT_SUBNET": "172.30.58.0/24", "FRONT_RANGE": "172.30.58.128/25",
            "GATEWAY_ADDRESS": "172.30.58.2",
            # The test's clients come from this machine, which the containers see as a bridge's address.
            "GATEWAY_TRUSTED_EDGE": "172.16.0.0/12,192.168.0.0/16,10.0.0.0/8",
        }
        self.env_file.write_text("".join(f"{name}={value}\n" for name, value in chosen.items()))

    @property
    def env_file(self):
        return FOLDER / "deploy/compose/.env"

    def value(self, name):
        lines = [line for line in self.env_file.read_text().splitlines() if line.startswith(name + "=")]
        return lines[-1].split("=", 1)[1].strip("'")

    def set(self, **values):
        lines = [line for line in self.env_file.read_text().splitlines() if line.split("=")[0] not in values]
        self.env_file.write_text("\n".join(lines + [f"{name}={value}" for name, value in values.items()]) + "\n")

    def make(self, *arguments, check=True, **env):
        begun = time.monotonic()
        done = run("make", "--no-print-directory", *arguments, check=check, limit_s=BUILD_LIMIT_S, cwd=FOLDER, env={**os.environ, **env})
        costs(f"make {arguments[0]}", begun)
        return done

    def compose(self, *arguments, check=True, **more):
        command = f'source deploy/compose/lib.sh && compose "$@"'
        return run("bash", "-euc", command, "compose", *arguments, check=check, cwd=FOLDER, **more)

    def pages(self):
        """Mailpit's inbox; the other pages have images that are not had without a registry."""
        self.compose("--profile", "pages", "up", "-d", "--no-deps", "pages")

    def containers(self, service, every=False):
        found = docker("ps", *(["-a"] if every else []), "-q", "--no-trunc", "--filter", f"label=com.docker.compose.project={PROJECT}",
                       "--filter", f"label=com.docker.compose.service={service}", "--filter", "label=com.docker.compose.oneoff=False")
        return found.split()

    def state(self, container):
        return json.loads(docker("inspect", "--format", "{{json .State}}", container))

    def healthy(self, service):
        states = [self.state(one) for one in self.containers(service)]
        return bool(states) and all(state["Status"] == "running" and state["Health"]["Status"] == "healthy" for state in states)

    def all_healthy(self):
        return all(self.healthy(service) for service in ("mysql", "rabbitmq", "mongodb", "gateway", *SERVICES))

    def remove(self):
        """Containers, networks and volumes of the test; also those that an earlier run left."""
        label = f"label=com.docker.compose.project={PROJECT}"
        for listing, removal in (
            (("ps", "-aq"), ("rm", "-f", "-v")), (("volume", "ls", "-q"), ("volume", "rm", "-f")),
            (("network", "ls", "-q"), ("network", "rm")),
        ):
            found = docker(*listing, "--filter", label).split()
            if found:
                docker(*removal, *found)

    def sql(self, statement):
        """Rows of bank's database, each a list of texts."""
        shell = 'MYSQL_PWD="$MYSQL_ROOT_PASSWORD" mysql -u root -N -B bank'
        told = run("docker", "exec", "-i", self.containers("mysql")[0], "sh", "-c", shell, input=statement).stdout
        return [line.split("\t") for line in told.splitlines()]

    def queues(self):
        """Messages that wait anywhere, by queue."""
        told = docker("exec", self.containers("rabbitmq")[0], "rabbitmqctl", "-q", "--no-table-headers", "list_queues", "name", "messages")
        return {name: int(count) for name, count in (line.split("\t") for line in told.splitlines()) if count != "0"}

    def mails(self):
        """The Message-IDs in Mailpit's inbox, by the page that operators have for it."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.mail_port}/api/v1/messages?limit=5000")
        login = base64.b64encode(f"operator:{self.value('MAILPIT_PASSWORD')}".encode()).decode()
        request.add_header("Authorization", f"Basic {login}")
        with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
            return [mail["MessageID"] for mail in json.load(answer)["messages"]]
