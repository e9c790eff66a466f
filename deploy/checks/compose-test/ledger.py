"""Everything that was answered against the tables, the outbox, the log, the mails and the queues."""
import itertools
import json
from collections import Counter

from clients import Client
from stack import Failed, eventually

# Each login from an address of its own, so that none meets the rate limit.
ADDRESSES = itertools.cycle(f"203.0.113.{number}" for number in range(1, 250))


def logged(stack, event_type):
    """The ids of the log's entries of a type, one for each entry, by the export that auditors use."""
    client = Client(stack, next(ADDRESSES)).must_login()
    status, lines = client.ask("GET", f"/logs/export?event_type={event_type}&format=ndjson")
    if status != 200:
        raise Failed(f"the export of the log: {status} {lines}")
    return [json.loads(line)["event_id"] for line in lines.splitlines()]


# So many mails at once may be with the mail server and not yet recorded: the concurrency of email-service's consumer.
MAILS_IN_THE_GAP = 8


def settle(stack, answered, gaps=0):
    """Waits until nothing is on its way, then compares; gives what was found in numbers.

    A mail may come twice, under the same Message-ID, only if its acceptance was not recorded: because email-service was killed, or
    the mail server ended before it had answered. `gaps` is how often one of them was ended.
    """
    eventually("the outbox is empty", lambda: stack.sql("SELECT COUNT(*) FROM outbox WHERE sent_at IS NULL") == [["0"]])
    eventually("the queues are empty", lambda: not stack.queues(), every_s=2)
    committed = [row[0] for row in stack.sql("SELECT event_id FROM outbox WHERE event_type = 'bank.created'")]
    # The entry follows the confirmation of the mail by HTTP, which no queue shows.
    eventually("all is logged", lambda: len(set(logged(stack, "bank.created"))) >= len(committed), every_s=1)
    banks = [row[0] for row in stack.sql("SELECT id FROM banks")]
    lost = set(map(str, answered)) - set(banks)
    entries, mailed = Counter(logged(stack, "bank.created")), Counter(identifier[:36] for identifier in stack.mails())
    twice = {one for one in committed if mailed[one] > 1} - stack.mailed_twice
    gap = gaps * MAILS_IN_THE_GAP
    wrong = {
        "answered, and not there": lost,
        "answered twice for one write": {one for one, count in Counter(answered).items() if count > 1},
        "made, and without event": set() if len(banks) == len(committed) else {f"{len(banks)} banks, {len(committed)} events"},
        "not logged": set(committed) - entries.keys(),
        "logged, and never committed": entries.keys() - set(committed),
        "logged twice": {one for one, count in entries.items() if count > 1},
        # Mailpit keeps the last 5000 only, and none when the stack was filled from a backup.
        "not mailed": set(committed) - stack.mailed - mailed.keys(),
        "mailed twice": set() if len(twice) <= gap else twice,
        "mailed more than twice": {one for one in committed if mailed[one] > 2},
    }
    faults = [f"{what}: {sorted(map(str, found))[:3]} ({len(found)})" for what, found in wrong.items() if found]
    verified = stack.compose("exec", "-T", "bank-service", "bank-service", "ledger", "verify", check=False)
    if verified.returncode:
        faults.append(f"ledger verify: {verified.stdout[-1500:]}{verified.stderr[-500:]}")
    if faults:
        raise Failed("; ".join(faults))
    stack.mailed |= set(committed)
    stack.mailed_twice |= twice
    again = f"; {len(twice)} mails came twice, at most {gap} may" if twice else ""
    return f"{len(answered)} answered, {len(committed)} committed, logged and mailed once; lost 0, invented 0, doubled 0{again}"
