"""Makes a dead letter of log-service: dead-letter.py DATA_DIR EVENT_ID, on the data of a running bank-standalone.

It leaves what log-service leaves that has given up a committed event: no entry of the event in the log, and a file in the folder of
dead letters (service-kit/src/messaging/dead_letters/folder.rs). By failed attempts that would take twelve minutes.
"""

import contextlib
import datetime
import json
import os
import pathlib
import sqlite3
import sys

QUEUE = "log-service"


def ask(database, sql, event_id):
    with contextlib.closing(sqlite3.connect(database, timeout=30)) as connection, connection:
        return connection.execute(sql, (event_id,)).fetchall()


def main(data, event_id):
    ((message,),) = ask(data / "bank.sqlite", "SELECT message FROM outbox WHERE event_id = ?", event_id)
    dead_letter = {
        "queue": QUEUE,
        "reason": "given up after 5 attempts: the disk is full",
        "attempts": 5,
        "died_at": datetime.datetime.now(datetime.timezone.utc).isoformat(),
        "message": json.loads(message),
    }
    folder = data / "dead-letters" / QUEUE
    folder.mkdir(mode=0o700, exist_ok=True)
    whole = folder / f".{event_id}.tmp"
    whole.write_text(json.dumps(dead_letter))
    os.rename(whole, folder / f"{event_id}.json")
    # Last, so that the event is missing at no moment.
    ask(data / "logs.sqlite", "DELETE FROM logs WHERE event_id = ?", event_id)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2])
