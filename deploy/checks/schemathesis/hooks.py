"""What schemathesis has to know of these services: who it is, and whom it must not remove.

With BANK_URL, ADMIN_EMAIL and ADMIN_PASS set, every request carries the token of an administrator. That administrator is a
new one each time a token is needed: when the last one is four minutes old (a token is fresh for five), and when an answer
was 401, because the run itself logged out, ended sessions, or slowed the account down by wrong passwords. So nothing needs
to be left out of the run. Without these variables no request carries a token.
"""

import os
import secrets
import threading

import requests
import schemathesis
from hypothesis import strategies as st

BANK = os.environ.get("BANK_URL")
ADMIN = {"email": os.environ.get("ADMIN_EMAIL"), "password": os.environ.get("ADMIN_PASS")}
TOKEN_SECONDS = 240
LIMIT_S = 20
# A change of these would end the run's own right to ask: the first administrator, and those made below.
protected = {1}
lock = threading.Lock()
# The lists whose cursors name a place and no list.
OPEN_CURSORS = {"/api/logs", "/logs", "/api/dead-letters"}


def ask(method, path, token=None, **body):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = requests.request(method, BANK + path, headers=headers, json=body or None, timeout=LIMIT_S)
    answer.raise_for_status()
    return answer.json()


def new_administrator():
    """A token of a new administrator."""
    with lock:
        keeper = ask("POST", "/auth/login", **ADMIN)["access_token"]
        login = {"email": f"prober-{secrets.token_hex(6)}@bank.localhost", "password": secrets.token_hex(16)}
        made = ask("POST", "/api/users", keeper, roles=["admin"], **login)
        protected.add(made["item"]["id"])
        ask("POST", "/auth/logout", keeper)
        return ask("POST", "/auth/login", **login)["access_token"]


if BANK:

    @schemathesis.auth(refresh_interval=TOKEN_SECONDS)
    class Administrator:
        def get(self, case, context):
            return new_administrator()

        def set(self, case, data, context):
            case.headers = case.headers or {}
            case.headers["Authorization"] = f"Bearer {data}"


# The rule of names is told in words; mostly wrong ones would come of it.
LETTERS = "ABCXYZabcxyzÀÉßøżĦΩλЖя東京한"
schemathesis.openapi.format("letters", st.text(alphabet=LETTERS, min_size=1, max_size=40))


@schemathesis.hook
def before_load_schema(context, raw_schema):
    name = raw_schema.get("components", {}).get("schemas", {}).get("NameText")
    if name:
        name["format"] = "letters"


def whole_numbers(value):
    """1.0 is an integer to JSON Schema, and a float to a bank: amounts with a point are refused on purpose."""
    if isinstance(value, dict):
        return {name: whole_numbers(each) for name, each in value.items()}
    if isinstance(value, list):
        return [whole_numbers(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def is_meant_to_be_taken(case):
    return case.meta is not None and case.meta.generation.mode.is_positive


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.method in ("PUT", "DELETE") and case.path.startswith("/api/users/{id}"):
        # Changes of the run's own administrators become changes of a user that does not exist.
        if str(case.path_parameters.get("id")) in {str(user) for user in protected}:
            case.path_parameters["id"] = 2**53
    if is_meant_to_be_taken(case):
        # Two ways to name a page, of which a document cannot say that only the first page goes with the other.
        if case.query and "after" in case.query:
            case.query.pop("page_number", None)
            # Nor that a cursor is of one list: what its pattern alone makes is of none.
            if case.path not in OPEN_CURSORS:
                case.query["after"] = ""
        case.body = whole_numbers(case.body)
