// A block ends the sessions of a user at once, at the console and at the API.
import { Tab } from "../tab.mjs";
import { assert, eventually } from "../wait.mjs";
import { giveCredentials } from "./login.mjs";

const EMAIL = "pia@example.com";
const PASSWORD = "correct horse battery staple";

export async function block({ tab, audit, api, browser }) {
  await api.ask("POST", "/auth/register", { email: EMAIL, password: PASSWORD }, 201);
  await tab.visit("/console/users");
  await tab.fill("#q", EMAIL);
  await tab.follow("main button", "Search");
  await tab.find("td", EMAIL);
  await audit.page(tab, "users");
  await tab.follow("th a");
  await tab.press("label", "manager");
  await tab.follow("button", "Save the roles");
  await tab.find(".notice", "roles were changed");

  const manager = await api.login(EMAIL, PASSWORD);
  const context = await browser.createBrowserContext();
  const hers = await Tab.open(context, tab.origin);
  await hers.visit("/console");
  await giveCredentials(hers, EMAIL, PASSWORD);
  await hers.find("#flow-live", "Live");
  await manager.ask("GET", "/auth/me");
  assert(!(await hers.has("nav[aria-label=Screens] a", "Users")), "a manager's navigation shows the users");

  await tab.page.bringToFront();
  await tab.page.reload({ waitUntil: "load" });
  await audit.page(tab, "user");
  await tab.press("summary", "Block the user");
  await tab.follow("details[open] button", "Block the user");
  await tab.find(".notice", "was blocked");
  const { status } = await manager.send("GET", `${api.urls.bank}/auth/me`);
  assert(status === 401 || status === 403, `the token of a blocked user is answered with ${status}`);
  await hers.page.goto(`${hers.origin}/console/flow`);
  await hers.isAt("/console/login");
  await eventually("the page of the user to have no session", async () => {
    await tab.page.reload({ waitUntil: "load" });
    return tab.has(".empty", "no live session");
  });
  await context.close();
}
