// A transfer is posted and reversed, a statement is downloaded, and the ledger is found sound.
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";

import { assert, eventually } from "../wait.mjs";

const BALANCES = [520, 80];

export async function moveMoney({ tab, audit, api, downloads }) {
  const bank = await api.create("/api/banks", { name: "Ledger Bank" });
  const client = await api.create("/api/clients", { name: "Ann Smith" });
  const open = (balance) => api.create("/api/accounts", { client_id: client.id, bank_id: bank.id, balance });
  const [from, to] = [await open(BALANCES[0]), await open(BALANCES[1])];
  const assertBalances = async (expected) => {
    const found = await Promise.all([from, to].map(async ({ id }) => (await api.ask("GET", `/api/accounts/${id}`)).balance));
    assert(String(found) === String(expected), `the balances are ${found}, not ${expected}`);
  };

  await tab.visit(`/console/bank/accounts/${from.id}`);
  await tab.follow("a.button", "New transfer");
  await tab.fill("#f-to_id", String(to.id));
  await tab.fill("#f-amount", "no amount");
  tab.expect(/status of 4\d\d/);
  await tab.follow("button", "Send");
  await tab.find(".faults[role=alert]", "not done");
  await audit.page(tab, "transfer-refused");
  tab.expect();
  await tab.fill("#f-amount", "1.00");
  await tab.fill("#f-reference", "INVOICE-7");
  await audit.page(tab, "transfer-form");
  await tab.follow("button", "Send");
  await tab.find(".notice", "was posted");
  await audit.page(tab, "transfer");
  await assertBalances([BALANCES[0] - 100, BALANCES[1] + 100]);

  await tab.fill("#f-description", "Paid twice");
  await tab.press("summary", "Reverse");
  await tab.follow("details[open] button", "Reverse");
  await tab.find(".notice", "was reversed");
  await audit.page(tab, "transfer-reversed");
  await assertBalances(BALANCES);

  await tab.visit(`/console/bank/accounts/${from.id}`);
  await tab.find("td", "Paid twice");
  await audit.page(tab, "account");
  const statement = await download(tab, downloads);
  assert(statement.includes("INVOICE-7"), `the statement does not have the transfer: ${statement.slice(0, 500)}`);

  await tab.visit("/console/bank/ledger");
  await tab.follow("button", "Check the ledger");
  await tab.findByReloading(".badge.ok", "done: sound");
  await audit.page(tab, "ledger");
}

/** Sends the form of the statement, and returns the file that the browser keeps. */
async function download(tab, folder) {
  const today = new Date().toISOString().slice(0, 10);
  await tab.page.evaluate((today) => {
    for (const name of ["from", "to"]) document.querySelector(`#${name}`).value = today;
  }, today);
  await tab.page.select("#format", "csv");
  await tab.press("button", "Download");
  const name = await eventually("a downloaded statement", async () => readdirSync(folder).find((name) => name.endsWith(".csv")));
  return readFileSync(path.join(folder, name), "utf8");
}
