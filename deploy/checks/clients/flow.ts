// What an application does first, by the generated types: register, log in, become a client, open an account, issue cards,
// walk a list to its end, and understand an error.
import createClient from "openapi-fetch";
import type { components, paths } from "./bank.js";

declare const process: { argv: string[] };

type Card = components["schemas"]["Card"];

const [baseUrl = "", adminToken = ""] = process.argv.slice(2);
const bank = createClient<paths>({ baseUrl });
const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });

function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

const user = { email: `ts-${Date.now()}@example.com`, password: "correct horse battery staple" };
const registered = await bank.POST("/auth/register", { body: user });
check(registered.data !== undefined, "registered");
check(new Date(registered.data.item.registered_on).getTime() > Date.now() - 60_000, "a time has its zone");

const login = await bank.POST("/auth/login", { body: user });
check(login.data !== undefined && login.data.token_type === "Bearer", "logged in");
const me = bearer(login.data.access_token);

const banks = await bank.GET("/api/banks", bearer(adminToken));
const bankId = banks.data?.results[0]?.id;
check(bankId !== undefined, "there is a bank");
const client = await bank.POST("/api/clients", { ...me, body: { name: "Anne-Marie N26" } });
check(client.data?.msg === "item created", "a client");
const account = await bank.POST("/api/accounts", { ...me, body: { bank_id: bankId, balance: 9007199254740991 } });
check(account.data?.item.balance === Number.MAX_SAFE_INTEGER, "an exact balance");
const account_id = account.data.item.id;
for (let balance = 1; balance <= 5; balance++) {
  await bank.POST("/api/accounts/{account_id}/cards", { ...me, params: { path: { account_id } }, body: { balance } });
}

const walked: Card[] = [];
let cursor: string | null = "";
while (cursor !== null) {
  const query: { after: string; page_size: number; page_number: number } = { after: cursor, page_size: 2, page_number: 1 };
  const page = await bank.GET("/api/cards", { ...me, params: { query } });
  check(page.data !== undefined && page.data.results.length > 0, "no step is in vain");
  walked.push(...page.data.results);
  cursor = page.data.cursor;
}
check(walked.map((card) => card.balance).join() === "1,2,3,4,5", "every card once");

const refused = await bank.POST("/api/clients", { ...me, body: { name: "" } });
check(refused.error?.error === "validation_failed" && refused.error.errors?.["name"] !== undefined, "an error by its code");
console.log("TypeScript: register, login, client, account, cards, walk, error");
