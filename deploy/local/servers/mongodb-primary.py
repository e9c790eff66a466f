"""Makes the server on the port the primary of its own replica set; succeeds once it is."""
import sys

from pymongo import MongoClient
from pymongo.errors import OperationFailure

ALREADY_INITIALIZED = 23

port = int(sys.argv[1])
client = MongoClient("127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=2000)
member = {"_id": 0, "host": f"127.0.0.1:{port}"}
try:
    client.admin.command("replSetInitiate", {"_id": "rs0", "members": [member]})
except OperationFailure as error:
    if error.code != ALREADY_INITIALIZED:
        raise
sys.exit(0 if client.admin.command("hello")["isWritablePrimary"] else 1)
