"""What an application does first, by the generated package: register, log in, become a client, open an account, issue cards,
walk a list to its end, and understand an error."""

import datetime
import sys

from bank_service_client import AuthenticatedClient, Client
from bank_service_client.api.accounts import open_account
from bank_service_client.api.banks import list_banks
from bank_service_client.api.cards import issue_card, list_cards
from bank_service_client.api.clients import create_client
from bank_service_client.api.identity import log_in, register_user
from bank_service_client.models import CreateClientBody, IssueCardBody, LoginRequest, OpenAccountBody, ProblemBody, RegisterRequest

base_url, admin_token = sys.argv[1:3]
anonymous = Client(base_url=base_url)
admin = AuthenticatedClient(base_url=base_url, token=admin_token)

now = datetime.datetime.now(datetime.timezone.utc)
email, password = f"py-{now.timestamp():.0f}@example.com", "correct horse battery staple"
registered = register_user.sync(client=anonymous, body=RegisterRequest(email=email, password=password))
assert abs(registered.item.registered_on - now) < datetime.timedelta(minutes=1), "a time has its zone"
tokens = log_in.sync(client=anonymous, body=LoginRequest(email=email, password=password))
me = AuthenticatedClient(base_url=base_url, token=tokens.access_token)

bank = list_banks.sync(client=admin).results[0]
created = create_client.sync(client=me, body=CreateClientBody(name="Anne-Marie N26"))
assert created.msg == "item created"
account = open_account.sync(client=me, body=OpenAccountBody(bank_id=bank.id, balance=520)).item
for balance in range(1, 6):
    issue_card.sync(account.id, client=me, body=IssueCardBody(balance=balance))

walked, cursor = [], ""
while cursor is not None:
    page = list_cards.sync(client=me, after=cursor, page_size=2)
    assert page.results, "no step is in vain"
    walked += page.results
    cursor = page.cursor
assert [card.balance for card in walked] == [1, 2, 3, 4, 5], "every card once"

refused = create_client.sync(client=me, body=CreateClientBody(name=""))
assert isinstance(refused, ProblemBody) and refused.error == "validation_failed", refused
print("Python: register, login, client, account, cards, walk, error")
