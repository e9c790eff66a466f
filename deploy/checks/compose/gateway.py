"""Runs the gateway's own nginx.conf before stubs of the services, with a name server like Docker's: where requests go, what
passes and what does not, replicas that come and go, streams.

gateway.py NGINX_CONF_FOLDER: needs nginx on the PATH.
"""
import http.client
import json
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LIMIT_S = 20
EDGE = "127.0.0.9"
# As long as the token of a mailed link.
CANARY = "canaryCANARY-canary_CANARY-canary_CANARY-12"
ADDRESSES = {"bank-service": ["127.0.1.2", "127.0.1.3"], "log-service": ["127.0.1.4"], "email-service": ["127.0.1.5"]}


def free_port():
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        return probe.getsockname()[1]


class Names(threading.Thread):
    """Answers A questions with all addresses of a name, valid for no time at all."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.to_lose = 0

    def run(self):
        while True:
            query, client = self.socket.recvfrom(512)
            if self.to_lose:
                self.to_lose -= 1
                continue
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1 : at + 1 + query[at]].decode())
                at += query[at] + 1
            question = query[12 : at + 5]
            found = ADDRESSES.get(".".join(labels), []) if query[at + 1 : at + 3] == b"\0\1" else []
            head = query[:2] + b"\x81\x80" + struct.pack(">HHHH", 1, len(found), 0, 0)
            answers = b"".join(b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + socket.inet_aton(address) for address in found)
            self.socket.sendto(head + question + answers, client)


class Stub(BaseHTTPRequestHandler):
    """Tells what it got; a stream is an event every 0.3 s."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        if self.path.endswith("/stream"):
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            try:
                for number in range(10):
                    self.wfile.write(f"id: {number}\ndata: x\n\n".encode())
                    self.wfile.flush()
                    time.sleep(0.3)
            except OSError:
                pass  # The reader has seen enough.
            return
        told = {"stub": self.server.stub, "path": self.path, "bytes": length, "headers": dict(self.headers.items())}
        body = json.dumps(told).encode()
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *_):
        pass


class Servers:
    def __init__(self, ports):
        self.running = {}
        self.ports = ports
        for name, addresses in ADDRESSES.items():
            for number, _ in enumerate(addresses):
                self.start(name, number)

    def start(self, name, number):
        server = ThreadingHTTPServer((ADDRESSES[name][number], self.ports[name]), Stub)
        server.daemon_threads = True
        server.stub = f"{name}/{number}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.running[server.stub] = server

    def stop(self, stub):
        server = self.running.pop(stub)
        server.shutdown()
        server.server_close()


def rendered(folder, work, port, ports, name_server):
    text = (folder / "nginx.conf").read_text()
    text = text.replace("resolver 127.0.0.11", f"resolver 127.0.0.1:{name_server}").replace("/tmp/", f"{work}/")
    text = text.replace("listen 127.0.0.1:8081;", "").replace("/etc/nginx/bank/", f"{work}/")
    text = text.replace("/dev/stdout", f"{work}/access.log").replace("error_log stderr", f"error_log {work}/error.log")
    for name, old in (("bank-service", 5000), ("log-service", 8000), ("email-service", 8001)):
        text, count = re.subn(rf"{name}:{old}\b", f"{name}:{ports[name]}", text)
        assert count == 1, name
    (work / "nginx.conf").write_text(text)
    (work / "problem.conf").write_text((folder / "problem.conf").read_text())
    # What init.sh writes for a trusted edge at 127.0.0.1; the client that connects is the edge.
    (work / "edge.conf").write_text(f"set_real_ip_from {EDGE};\nreal_ip_header X-Forwarded-For;\nreal_ip_recursive on;\n")
    (work / "listen.conf").write_text(f"listen 127.0.0.1:{port} default_server;\n")
    return work / "nginx.conf"


class Gateway:
    def __init__(self, port):
        self.port = port

    def ask(self, path, method="GET", body=None, **headers):
        source = (headers.pop("source", "127.0.0.1"), 0)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S, source_address=source)
        connection.request(method, path, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer, json.loads(text) if text.startswith("{") else text

    def stub(self, path, **more):
        return self.ask(path, **more)[1]["stub"].split("/")[0]


def eventually(what, holds):
    until = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < until, f"not within {LIMIT_S} s: {what}"
        time.sleep(0.05)


def check_routes(gateway):
    for path, service in [
        ("/", "bank-service"), ("/auth/login", "bank-service"), ("/v1/api/banks", "bank-service"),
        ("/api/events/1/journey", "bank-service"), ("/docs", "bank-service"), ("/logsx", "bank-service"),
        ("/emails.txt", "bank-service"), ("/logs", "log-service"), ("/api/logs?page_number=2", "log-service"),
        ("/api/logs/7", "log-service"), ("/logs/export?format=csv", "log-service"), ("/emails", "email-service"),
        ("/api/emails/preview", "email-service"),
    ]:
        _, told = gateway.ask(path)
        assert told["stub"].split("/")[0] == service, (path, told)
        assert told["path"] == path, (path, told)
    for name in ("logs", "emails"):
        _, told = gateway.ask(f"/{name}/openapi.json")
        assert told["path"] == "/openapi.json" and told["stub"].startswith(name[:-1]), told


def check_closed(gateway):
    names = ("metrics", "readyz", "livez")
    spellings = ["//metrics", "/v1//metrics", "/./metrics", "/x/../metrics", "/%6Detrics", "/metrics%2F", "/%2Fmetrics", "/metrics?x=1"]
    for path in [f"/{version}{name}{end}" for version in ("", "v1/") for name in names for end in ("", "/", "//")] + spellings:
        answer, problem = gateway.ask(path)
        assert answer.status == 404 and problem["error"] == "not_found", (path, problem)
        assert answer.getheader("Content-Type") == "application/problem+json"
        assert answer.getheader("X-Request-Id") == problem["request_id"]
    for path in ("/metricsx", "/metrics/x", "/api/metrics", "/v2/metrics"):
        assert gateway.stub(path) == "bank-service", path
    answer, told = gateway.ask("/missing")
    assert answer.status == 404 and told["path"] == "/missing", "a service's own answer passes unchanged"


def check_headers(gateway):
    claims = {"X_Forwarded_For": "203.0.113.9", "Forwarded": "for=203.0.113.9", "X_Request_Id": "abc-1.2_Z"}
    claims["Traceparent"] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    headers = {k.lower(): v for k, v in gateway.ask("/x", **claims)[1]["headers"].items()}
    assert headers["x-forwarded-for"] == "127.0.0.1", headers
    assert "forwarded" not in headers and "traceparent" not in headers, headers
    assert headers["x-request-id"] == "abc-1.2_Z", headers
    for bad in ("a b", "x" * 65, "<script>"):
        headers = {k.lower(): v for k, v in gateway.ask("/x", X_Request_Id=bad)[1]["headers"].items()}
        assert re.fullmatch("[0-9a-f]{32}", headers["x-request-id"]), headers


def check_edge(gateway):
    """The edge alone says who the client is, and of what it says only the part that it added itself."""
    def client(source, claim):
        told = gateway.ask("/x", source=source, X_Forwarded_For=claim)[1]["headers"]
        return {k.lower(): v for k, v in told.items()}["x-forwarded-for"]

    assert client(EDGE, "203.0.113.9") == "203.0.113.9"
    assert client(EDGE, "198.51.100.1, 203.0.113.9") == "203.0.113.9", "what the client claimed before the edge"
    assert client("127.0.0.1", "203.0.113.9") == "127.0.0.1"


def check_links(gateway, servers):
    """Links and codes reach their service, and no log, also while the service is away."""
    paths = [f"{version}/auth/{kind}/{CANARY}" for version in ("", "/v1") for kind in ("password/reset", "email/verify")]
    paths += [f"/auth/social/google/callback?code={CANARY}&state={CANARY}", f"/other/{CANARY}/more", f"/auth/password/reset/{CANARY}/"]
    for path in paths:
        assert gateway.ask(path)[1]["path"] == path
    for stub in ("bank-service/0", "bank-service/1"):
        servers.stop(stub)
    for path in paths:
        assert gateway.ask(path)[0].status == 503
    for number in range(2):
        servers.start("bank-service", number)
    eventually("bank-service is asked again", lambda: gateway.ask("/x")[0].status == 200)


def check_bodies(gateway):
    answer, told = gateway.ask("/x", method="POST", body=b"x" * 65536)
    assert answer.status == 200 and told["bytes"] == 65536, told
    answer, problem = gateway.ask("/x", method="POST", body=b"x" * 65537)
    assert answer.status == 413 and problem["error"] == "payload_too_large", problem


def check_stream(gateway):
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=LIMIT_S)
    begun = time.monotonic()
    connection.request("GET", "/api/logs/stream")
    answer = connection.getresponse()
    first = answer.read1(64)
    took = time.monotonic() - begun
    assert first.startswith(b"id: 0") and b"id: 9" not in first, first
    # The stream is over after 3 s; one that is held back comes then.
    assert took < 2.5, f"the first event came after {took:.1f} s"
    connection.close()


def check_replicas(gateway, servers):
    def both():
        seen = [gateway.ask("/x")[1]["stub"] for _ in range(40)]
        return min(seen.count("bank-service/0"), seen.count("bank-service/1")) >= 5

    eventually("both replicas are asked", both)
    servers.stop("bank-service/0")
    for number in range(30):
        answer, told = gateway.ask("/x", method="POST" if number % 2 else "GET", body=b"x" if number % 2 else None)
        assert answer.status == 200 and told["stub"] == "bank-service/1", told
    servers.stop("bank-service/1")
    answer, problem = gateway.ask("/x")
    assert answer.status == 503 and problem["error"] == "unavailable" and answer.getheader("Retry-After"), problem
    assert gateway.stub("/logs") == "log-service", "the others go on"
    servers.start("bank-service", 0)
    eventually("a replica that is back is asked", lambda: gateway.ask("/x")[0].status == 200)


def check_lost_question(gateway, names):
    """As on a busy machine: the request waits until the name is asked again, and does not fail."""
    names.to_lose = 1
    for _ in range(100):
        answer, told = gateway.ask("/x")
        assert answer.status == 200, f"a question about a name was lost, and so was the request: {told}"
        if not names.to_lose:
            return
        time.sleep(0.1)
    raise AssertionError("the gateway does not ask for names again")


def main():
    folder = Path(sys.argv[1])
    names = Names()
    names.start()
    ports = {name: free_port() for name in ADDRESSES}
    servers = Servers(ports)
    port = free_port()
    with tempfile.TemporaryDirectory() as work:
        conf = rendered(folder, Path(work), port, ports, names.port)
        Path(work).chmod(0o755)
        subprocess.run(["nginx", "-t", "-q", "-p", work, "-c", conf, "-e", "stderr"], check=True)
        nginx = subprocess.Popen(["nginx", "-p", work, "-c", conf, "-e", "stderr", "-g", "daemon off; user root;"])
        try:
            gateway = Gateway(port)

            def up():
                try:
                    return gateway.ask("/gateway/health")[0].status == 200
                except OSError:
                    assert nginx.poll() is None, "nginx has ended"
                    return False

            eventually("nginx answers", up)
            check_routes(gateway)
            check_closed(gateway)
            check_headers(gateway)
            gateway.ask("/x", User_Agent='bank-app/7 "beta" ' + "x" * 500)
            check_edge(gateway)
            check_links(gateway, servers)
            check_bodies(gateway)
            check_stream(gateway)
            check_replicas(gateway, servers)
            check_lost_question(gateway, names)
            log = [json.loads(line) for line in (Path(work) / "access.log").read_text().splitlines()]
            assert len(log) > 50 and all("?" not in line["path"] for line in log)
            agents = {line["user_agent"] for line in log}
            assert 'bank-app/7 "beta" ' + "x" * 182 in agents and max(map(len, agents)) == 200, agents
            assert {"/auth/password/reset/{token}", "/v1/auth/email/verify/{token}"} <= {line["path"] for line in log}
            logs = "".join((Path(work) / name).read_text() for name in ("access.log", "error.log"))
            assert CANARY not in logs, [line for line in logs.splitlines() if CANARY in line]
        finally:
            nginx.terminate()
            nginx.wait(LIMIT_S)


main()
