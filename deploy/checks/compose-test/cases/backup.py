"""A backup made while clients write, restored into an empty stack on what might be another machine."""
import os
import shutil

import ledger
from clients import Client, Writers
from stack import FOLDER, Failed, eventually


def backup_and_restore(stack):
    file = FOLDER / "backups/test.tar"
    with Writers(stack) as writers:
        earlier = set(map(str, writers.answered))
        stack.make("backup", f"FILE={file}")
        writers.goes_on()
    assert (os.stat(file).st_mode & 0o077) == 0, "the backup can be read by others"
    ledger.settle(stack, writers.answered)
    before = {row[0] for row in stack.sql("SELECT id FROM banks")}
    full = stack.make("restore", f"FILE={file}", check=False)
    if full.returncode == 0 or "make down first" not in full.stderr:
        raise Failed("a running system is restored over")

    damaged = FOLDER / "backups/damaged.tar"
    shutil.copy(file, damaged)
    with damaged.open("r+b") as broken:
        broken.seek(damaged.stat().st_size // 2)
        byte = broken.read(1)
        broken.seek(-1, os.SEEK_CUR)
        broken.write(bytes([byte[0] ^ 1]))
    stack.make("down")
    assert "tables already" in stack.make("restore", f"FILE={file}", check=False).stderr, "data that is there is replaced"
    stack.remove()
    stack.env_file.unlink()
    assert "damaged" in stack.make("restore", f"FILE={damaged}", check=False).stderr, "a damaged backup is taken"
    stack.make("restore", f"FILE={file}")
    stack.pages()
    eventually("everything is healthy", stack.all_healthy)
    eventually("the outbox is empty", lambda: stack.sql("SELECT COUNT(*) FROM outbox WHERE sent_at IS NULL") == [["0"]])
    eventually("the queues are empty", lambda: not stack.queues(), every_s=2)
    after = {row[0] for row in stack.sql("SELECT id FROM banks")}
    assert after <= before and earlier <= after, f"{len(earlier - after)} banks of before the backup are not there"
    committed = {row[0] for row in stack.sql("SELECT event_id FROM outbox WHERE event_type = 'bank.created'")}
    eventually("the log has each event of the bank, and no other, once",
               lambda: sorted(ledger.logged(stack, "bank.created")) == sorted(committed), every_s=1)
    status, bank = Client(stack).must_login().ask("POST", "/api/banks", {"name": "After the restore"})
    assert status == 201 and str(bank["item"]["id"]) not in after, bank
    return f"{len(after)} banks of {len(before)} were in the backup, all of them logged once after it"
