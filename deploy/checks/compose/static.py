"""Asserts what deploy/compose promises of its containers, variables and networks, from the files alone.

static.py REPO [--help-of SERVICE=FILE ...]: FILE has the output of `SERVICE --help`.
"""
import ipaddress
import re
import sys
from pathlib import Path

import yaml

SERVICES = ["bank-service", "log-service", "email-service"]
# Of pages for people, on this machine only.
PROFILES = (["pages"], ["observe"])
# What operators of such systems know; every service reads its share.
NAMES = {
    "bank-service": "DATABASE_URL AMQP_URI EXCHANGE_NAME CALLBACK_QUEUE LOG_SERVICE_URL DEFAULT_ROLE ADMIN_EMAIL ADMIN_PASS "
    "SECRET_KEY APP_ENV",
    "log-service": "AMQP_URI EXCHANGE_NAME QUEUE_NAME ROUTING_KEY MONGODB_URI MONGODB_NAME MONGODB_COLLECTION APP_ENV",
    "email-service": "AMQP_URI EXCHANGE_NAME QUEUE_NAME ROUTING_KEY CALLBACK_QUEUE EMAIL_HOST EMAIL_PORT EMAIL_USER "
    "EMAIL_APP_PASSWORD EMAIL_RECEIVERS EMAIL_SUBJECT APP_ENV",
}

repo = Path(sys.argv[1])
faults = []


def check(holds, fault):
    if not holds:
        faults.append(fault)


def variables(path):
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def is_local(port):
    """Whether a port is published on this machine alone, always or unless the operator chooses another address."""
    return port.startswith("127.0.0.1:") or re.match(r"\$\{[A-Z_]+:-127\.0\.0\.1\}:", port)


def check_container(name, service):
    image = service["image"]
    own = image.startswith("bank/")
    check(own or re.search(r":v?\d+\.\d+\.\d+", image), f"{name}: {image} has no exact tag")
    user = str(service.get("user", "0")).split(":")[0]
    check(user not in ("0", "root"), f"{name}: runs as root")
    check(service.get("read_only") is True, f"{name}: its file system can be written to")
    check(service.get("cap_drop") == ["ALL"] and "cap_add" not in service, f"{name}: has capabilities")
    check("no-new-privileges:true" in service.get("security_opt", []), f"{name}: may gain privileges")
    check("privileged" not in service and "pid" not in service, f"{name}: is privileged")
    limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
    check({"cpus", "memory", "pids"} <= limits.keys(), f"{name}: lacks a limit")
    # Compose since 2.26 refuses a file that says the number of processes in both places, or in this one beside other limits.
    check("pids_limit" not in service, f"{name}: has pids_limit beside deploy.resources.limits")
    check(service.get("memswap_limit") == limits.get("memory"), f"{name}: may swap beyond its memory")
    check(not own or service.get("pull_policy") == "never", f"{name}: a registry would be asked for {image}")
    check("logging" in service and "max-size" in service["logging"]["options"], f"{name}: its log grows without end")
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        check("docker.sock" not in source, f"{name}: holds the engine's socket")
        check(not source.startswith(".") or volume.endswith(":ro"), f"{name}: may write to {source}")
    ports = service.get("ports", [])
    if name == "gateway" or service.get("profiles") in PROFILES:
        check(all(is_local(port) for port in ports), f"{name}: published beyond this machine")
    else:
        check(not ports, f"{name}: publishes {ports}")


# Where an image writes besides its volumes, on a file system that is read-only here.
WRITES_TO = {
    "phpmyadmin": {"/sessions", "/tmp", "/var/www/html/tmp", "/var/run/apache2", "/var/lock/apache2"},
    "mysql": {"/tmp", "/var/run/mysqld"}, "rabbitmq": {"/tmp", "/var/log/rabbitmq"}, "mongodb": {"/tmp", "/data/configdb"},
    "grafana": {"/tmp", "/var/lib/grafana"}, "gateway": {"/tmp"}, "pages": {"/tmp"}, **{service: {"/tmp"} for service in SERVICES},
}


def check_costs(compose):
    """What grows without end, or costs a core, without anybody having chosen it."""
    for name, writes_to in WRITES_TO.items():
        places = {place.split(":")[0] for place in compose["services"][name]["tmpfs"]}
        check(writes_to <= places, f"{name}: cannot write to {writes_to - places}")
    options = " ".join(compose["services"]["mysql"]["command"])
    check("--binlog-expire-logs-seconds=" in options, "mysql: keeps binary logs for the default of 30 days")
    check("--mysqlx=OFF" in options, "mysql: listens on a port that nobody uses")
    for name in ("rabbitmq", "mongodb"):
        check("/dev/tcp/" in str(compose["services"][name]["healthcheck"]["test"]), f"{name}: its health check costs a second of a core")
    broker = (repo / "deploy/compose/rabbitmq/rabbitmq.conf").read_text().splitlines()
    check("max_message_size = 262144" in broker, "rabbitmq: one message can fill a service's memory")
    check(any(volume.startswith("mailpit:") for volume in compose["services"]["mailpit"]["volumes"]), "mailpit: forgets its inbox")
    for name in ("mysql", "rabbitmq", "mongodb", "bank-service"):
        cpus = compose["services"][name]["deploy"]["resources"]["limits"]["cpus"]
        check(default_of(cpus) == "1", f"{name}: cannot start on a machine with one core")


def check_start(name, services):
    service = services[name]
    once = service.get("healthcheck") == {"disable": True}
    for other, how in service.get("depends_on", {}).items():
        target = services[other]
        wanted = "service_completed_successfully" if target.get("healthcheck") == {"disable": True} else "service_healthy"
        # A mail server that is away holds nobody up.
        wanted = "service_started" if other == "mailpit" else wanted
        check(how["condition"] == wanted, f"{name}: does not wait until {other} is {wanted}")
        optional = "profiles" in target and service.get("profiles") != target["profiles"]
        check(not optional or how.get("required") is False, f"{name}: cannot start without the bundled {other}")
        own = target["image"].startswith("bank/")
        check(own or "healthcheck" in target, f"{other}: {name} waits for its health, which nobody asks for")
    check(name == "guard" or "depends_on" in service or name == "pages", f"{name}: starts before the guard")
    check(not once or service["restart"].startswith("on-failure"), f"{name}: would be restarted for ever")


def default_of(text):
    """What `${NAME:-default}` is when nothing is set; other texts are themselves."""
    return re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", str(text))


def check_addresses(compose):
    """The engine gives out addresses of ip_range: a fixed one has to lie outside, or whoever starts first may have it."""
    for name, service in compose["services"].items():
        networks = service.get("networks", [])
        for network in networks if isinstance(networks, dict) else []:
            address = (networks[network] or {}).get("ipv4_address")
            if not address:
                continue
            pool = compose["networks"][network]["ipam"]["config"][0]
            address = ipaddress.ip_address(default_of(address))
            check(address in ipaddress.ip_network(default_of(pool["subnet"])), f"{name}: {address} is not of {network}")
            check("ip_range" in pool, f"{name}: {address} may be given to another, {network} has no ip_range")
            check(address not in ipaddress.ip_network(default_of(pool.get("ip_range", "255.255.255.255"))),
                  f"{name}: {address} may be given to another, it is of {network}'s ip_range")


def check_networks(compose):
    for name, network in compose["networks"].items():
        outward = name in ("edge", "outside")
        check(outward or default_of(network.get("internal")).lower() == "true", f"network {name} leads out")
    members = lambda net: {n for n, s in compose["services"].items() if net in s.get("networks", [])}
    check(members("database") == {"mysql", "bank-init", "bank-service", "phpmyadmin"}, "the database is reached by others")
    check(members("edge") == {"gateway", "pages", "phpmyadmin", "mongo-express", "grafana", "prometheus"}, "edge has other members")
    check(members("observe") == {"prometheus", "grafana"}, "Prometheus is reached by others")
    ports = compose["services"]["prometheus"]["ports"]
    check(all(port.startswith("127.0.0.1:") for port in ports), "prometheus: has no login, and a port beyond this machine")


def check_variables(service, help_text):
    example, container = (variables(repo / service / name) for name in (".env.example", ".dockerenv.example"))
    known = set(re.findall(r"\[env: ([A-Z_]+)", help_text)) if help_text else None
    for name in NAMES[service].split():
        check(name in example, f"{service}/.env.example lacks {name}")
        check(name in container, f"{service}/.dockerenv.example lacks {name}")
    for name in example.keys() | container.keys():
        check(known is None or name in known, f"{service} does not read {name}")
    secret = re.compile(r"PASS|PASSWORD|SECRET|URI$|DATABASE_URL")
    for name, value in example.items():
        check(not secret.search(name) or "change-me" in value, f"{service}/.env.example: {name} does not say change-me")
    for name, value in container.items():
        check("change-me" not in value, f"{service}/.dockerenv.example: {name} is not filled in by init")
        check(not re.search(r"PASS|SECRET", name) or value.startswith("${"), f"{service}/.dockerenv.example: {name} holds a secret")


def check_secrets(compose):
    names = {name for name, value in variables(repo / "deploy/compose/.env.example").items() if value == "change-me"}
    guarded = set(compose["services"]["guard"]["environment"]["GUARDED"].split())
    check(names <= guarded, f"the guard overlooks {names - guarded}")
    check(guarded <= names, f"init makes no {guarded - names}")
    text = (repo / "deploy/compose/compose.yaml").read_text()
    for name in names:
        for use in re.findall(r"\$\{" + name + r"[^}]*\}", text):
            check(":?" in use, f"compose.yaml: {use} may be empty")


def main():
    helps = dict(arg.split("=", 1) for arg in sys.argv[2:] if "=" in arg)
    compose = yaml.safe_load((repo / "deploy/compose/compose.yaml").read_text())
    for name, service in compose["services"].items():
        check_container(name, service)
        check_start(name, compose["services"])
    check_costs(compose)
    check_networks(compose)
    check_addresses(compose)
    check_secrets(compose)
    for service in SERVICES:
        check_variables(service, Path(helps[service]).read_text() if service in helps else None)
        check(compose["services"][service]["build"]["target"] == service, f"{service}: is built from another target")
    for fault in faults:
        print(f"compose: {fault}")
    sys.exit(1 if faults else 0)


main()
