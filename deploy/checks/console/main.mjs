// Uses the console in a browser: main.mjs, with BANK_URL, LOG_URL, EMAIL_URL, DATA_DIR, ADMIN_EMAIL, ADMIN_PASS, MAIL_PORT, CHROMIUM,
// FIREFOX, PICTURES (a folder) and DOWNLOADS (an empty folder) in the environment. The services' mail server is the one of this process.
import { writeFileSync } from "node:fs";
import path from "node:path";
import puppeteer from "puppeteer-core";

import { Api } from "./api.mjs";
import { Audit } from "./audit.mjs";
import { createManager, useFirefox } from "./firefox.mjs";
import { MailServer } from "./mail-server.mjs";
import { replay } from "./steps/dead-letters.mjs";
import { seeOutage, useManyTabs, watchRow } from "./steps/flow.mjs";
import { logIn } from "./steps/login.mjs";
import { moveMoney } from "./steps/money.mjs";
import { seeTheRest } from "./steps/screens.mjs";
import { block } from "./steps/users.mjs";
import { Tab } from "./tab.mjs";
import { LIMIT_MS } from "./wait.mjs";

const STEPS = [
  ["log in with a second factor", logIn],
  ["see a bank's row complete itself", watchRow],
  ["see rows in many tabs", useManyTabs],
  ["see an outage of the mail server, and its end", seeOutage],
  ["replay a dead letter", replay],
  ["block a user", block],
  ["post, reverse and verify", moveMoney],
  ["see the other screens", seeTheRest],
];

const { env } = process;
const urls = { bank: env.BANK_URL, log: env.LOG_URL, email: env.EMAIL_URL };
// Chromium has no sandbox as root.
const sandbox = process.getuid() === 0 ? ["--no-sandbox"] : [];
const args = [...sandbox, "--no-proxy-server", "--disable-dev-shm-usage"];
const mail = new MailServer(env.MAIL_PORT);
await mail.start();
const browser = await puppeteer.launch({ executablePath: env.CHROMIUM, args, protocolTimeout: LIMIT_MS });
const context = await browser.createBrowserContext({ downloadBehavior: { policy: "allow", downloadPath: env.DOWNLOADS } });
const [tab, other] = [await Tab.open(context, urls.bank), await Tab.open(context, urls.bank)];
const api = await new Api(urls).login(env.ADMIN_EMAIL, env.ADMIN_PASS);
const manager = await createManager(api);
const audit = new Audit(env.PICTURES);
const state = {
  ...{ tab, other, api, audit, browser, mail },
  bankName: "Harbour Bank",
  ...{ email: env.ADMIN_EMAIL, password: env.ADMIN_PASS, data: env.DATA_DIR, downloads: env.DOWNLOADS },
};

async function keepPage(page) {
  writeFileSync(path.join(env.PICTURES, "failed.html"), await page.content());
  await page.bringToFront();
  await page.screenshot({ path: path.join(env.PICTURES, "failed.png") });
}

try {
  for (const [name, step] of STEPS) {
    const begun = Date.now();
    await step(state);
    console.log(`${name}: ${((Date.now() - begun) / 1000).toFixed(1)} s`);
  }
} catch (error) {
  // Nothing of this may hide the error itself.
  await keepPage(tab.page).catch((fault) => console.error(`the page cannot be kept: ${fault.message}`));
  throw new Error(`at ${tab.path()}, kept as failed.png and failed.html among the pictures`, { cause: error });
} finally {
  const faults = [...audit.findings, ...[tab, other].flatMap(({ faults }) => faults)];
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) process.exitCode = 1;
  await browser.close();
}
try {
  const begun = Date.now();
  await useFirefox({ executablePath: env.FIREFOX, origin: urls.bank, api, mail, manager });
  console.log(`the main path in Firefox: ${((Date.now() - begun) / 1000).toFixed(1)} s`);
} finally {
  await mail.stop();
}
const pages = `${audit.pages} pages at 360 and 1280 px, light and dark`;
if (process.exitCode) console.error(`console: FAILED: faults above, in ${pages}`);
else console.log(`console: ${STEPS.length} steps in a browser; ${pages}, without a fault`);
