// The screens that the other steps do not come by.

const SCREENS = [
  ["flow-filtered", "/console/flow?type=bank.created"],
  ["log", "/console/log"],
  ["mails", "/console/mails"],
  ["mail-templates", "/console/mails/templates"],
  ["mail-preview", "/console/mails/templates/account.created"],
  ["bank", "/console/bank"],
  ["banks", "/console/bank/banks"],
  ["clients", "/console/bank/clients"],
  ["accounts", "/console/bank/accounts"],
  ["cards", "/console/bank/cards"],
  ["transfers", "/console/bank/transfers"],
  ["holds", "/console/bank/transfers?status=held"],
  ["password-again", "/console/confirm?next=%2Fconsole%2Fusers"],
];
/** Of these, the first row's page too. */
const FIRST_ROWS = { log: "log-entry", mails: "mail", cards: "card" };

export async function seeTheRest({ tab, other, audit }) {
  for (const [name, path] of SCREENS) {
    await tab.visit(path);
    await audit.page(tab, name);
    if (!FIRST_ROWS[name]) continue;
    await tab.follow("th a");
    await audit.page(tab, FIRST_ROWS[name]);
  }
  tab.expect(/status of 404/);
  await tab.visit("/console/no-such-page", 404);
  await audit.page(tab, "not-found");
  tab.expect();
  // A stream that ends with its session is an error in the browser's console.
  await other.page.goto("about:blank");
  await tab.visit("/console/health");
  await tab.follow("button", "Log out");
  await tab.isAt("/console/login");
}
