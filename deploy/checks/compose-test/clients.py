"""Clients of the gateway: one that asks, and writers that go on until they are told to stop."""
import http.client
import json
import ssl
import threading
import time
import uuid

from stack import Failed, eventually

PAUSE_S = 0.35
# Refused before anything was done, or not answered: asked again with the same key. 408: a service had no time to read the request.
AGAIN = {408, 429, 502, 503, 504}


def letters(key):
    """A name of a bank has no digits."""
    return key.replace("-", "").translate({ord(digit): chr(ord("g") + int(digit)) for digit in "0123456789"})


class Client:
    def __init__(self, stack, address=None):
        self.stack, self.address, self.token = stack, address, None

    def ask(self, method, path, body=None, timeout=40, **headers):
        """Status and answer; status 0 if there was none."""
        if self.stack.scheme == "https":
            connection = http.client.HTTPSConnection("127.0.0.1", self.stack.gateway_port, timeout=timeout, context=self.stack.tls)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.stack.gateway_port, timeout=timeout)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.address:
            headers["X-Forwarded-For"] = self.address
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
            kind = answer.getheader("Content-Type") or ""
            return answer.status, json.loads(text) if kind.endswith("json") and "ndjson" not in kind else text
        except (OSError, http.client.HTTPException, ssl.SSLError) as error:
            return 0, str(error)
        finally:
            connection.close()

    def login(self, password=None):
        login = {"email": self.stack.value("ADMIN_EMAIL"), "password": password or self.stack.value("ADMIN_PASS")}
        status, told = self.ask("POST", "/auth/login", login)
        if status == 200:
            self.token = told["access_token"]
        return status

    def must_login(self):
        eventually("the administrator logs in", lambda: self.login() == 200, 60)
        return self


class Writers:
    """Each makes one bank after the other. `failures` are answers that were not the one wanted, whether or not asked again."""

    def __init__(self, stack, count=4):
        client = Client(stack).must_login()
        self.answered, self.failures, self.lost = [], [], []
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self.write, args=(Client(stack), client.token), daemon=True) for _ in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self.goes_on()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join(180)
        if self.lost:
            raise Failed(f"never answered: {self.lost[:5]}")

    def write(self, client, token):
        client.token = token
        while not self.stopped.wait(PAUSE_S):
            key = str(uuid.uuid4())
            until = time.monotonic() + 150
            while True:
                status, told = client.ask("POST", "/api/banks", {"name": f"Bank {letters(key)}"}, Idempotency_Key=key)
                if status == 201:
                    self.answered.append(told["item"]["id"])
                    break
                self.failures.append((round(time.monotonic(), 1), status, str(told)[:200]))
                if status not in AGAIN | {0}:
                    self.lost.append((status, told))
                    return
                if time.monotonic() > until:
                    self.lost.append((key, status))
                    return
                time.sleep(0.2)

    def goes_on(self, more=8):
        """Waits until so many more writes were answered."""
        wanted = len(self.answered) + more
        eventually(f"{more} more writes", lambda: len(self.answered) >= wanted or self.lost, 120)
