// The main path in Firefox: login with a second factor, a bank whose row completes itself, logout.
import puppeteer from "puppeteer-core";

import { watchRow } from "./steps/flow.mjs";
import { logIn } from "./steps/login.mjs";
import { Tab } from "./tab.mjs";
import { LIMIT_MS, assert } from "./wait.mjs";

const EMAIL = "mia@example.com";
const PASSWORD = "correct horse battery staple";
/** Pages are checked and pictured in Chromium. */
const audit = { page: async () => {} };

/** A manager for Firefox, made as long as the administrator's token is fresh. */
export async function createManager(api) {
  await api.ask("POST", "/auth/register", { email: EMAIL, password: PASSWORD }, 201);
  const { id } = await (await api.login(EMAIL, PASSWORD)).ask("GET", "/auth/me");
  await api.ask("PUT", `/api/users/${id}`, { roles: ["manager"] });
  return api.login(EMAIL, PASSWORD);
}

export async function useFirefox({ executablePath, origin, api, mail, manager }) {
  const browser = await puppeteer.launch({ browser: "firefox", executablePath, protocolTimeout: LIMIT_MS });
  try {
    const tab = await Tab.open(browser.defaultBrowserContext(), origin);
    await logIn({ tab, audit, email: EMAIL, password: PASSWORD, api: manager });
    await watchRow({ tab, audit, api, mail, bankName: "Firefox Bank" });
    await tab.follow("button", "Log out");
    await tab.isAt("/console/login");
    assert(tab.faults.length === 0, tab.faults.join("\n"));
  } finally {
    await browser.close();
  }
}
