// The row of a new bank completes itself; an outage of the mail server is red on all screens that it concerns, and ends by itself.
import { LIMIT_MS, assert, eventually } from "../wait.mjs";

const PAUSED = ["bank", "bank_consumer_paused", 'queue="email-service"'];

/** More tabs than a browser has connections to one server. */
const TABS = 8;

/** The row of an item's event on the page Flow: its id, state and steps; null if it is not there. */
export function rowOf({ page }, eventType, itemId) {
  return page.evaluate((title) => {
    const rows = [...document.querySelectorAll("#flow-rows > li")];
    const row = rows.find((one) => one.querySelector("strong").textContent === title);
    if (!row) return null;
    const [state, steps] = [".badge", ".steps"].map((part) => row.querySelector(part).textContent);
    const isRed = row.querySelector("summary").classList.contains("bad");
    const eventId = row.querySelector("a[href^='/console/flow/']").pathname.split("/").at(-1);
    return { id: row.id, eventId, state, steps, isRed };
  }, `${eventType} ${itemId}`);
}

const isLogged = (row) => row?.state === "logged" && ["published", "confirmed", "logged"].every((step) => row.steps.includes(step));

async function completes(tab, bank) {
  return eventually(`the row of bank ${bank.id} to be published, confirmed and logged`, async () => {
    const row = await rowOf(tab, "bank.created", bank.id);
    return isLogged(row) && row;
  });
}

/** Opens the row and waits for its steps. */
async function open(tab, row) {
  await tab.press(`#${row.id}-summary`);
  await tab.find(`#${row.id} table caption`, "Steps of bank.created");
}

/** The event has one log entry and one mail, which the mail server has accepted once. */
async function assertOnce({ api, mail }, { eventId }) {
  const entries = (await api.logOf("bank.created")).filter((entry) => entry.event_id === eventId);
  assert(entries.length === 1, `${entries.length} log entries of the event ${eventId}`);
  const sent = [...mail.accepted].filter(([id]) => id.includes(eventId));
  assert(sent.length === 1 && sent[0][1] === 1, `mails of the event ${eventId}: ${JSON.stringify(sent)}`);
}

export async function watchRow(state) {
  const { tab, audit, api, bankName } = state;
  await tab.visit("/console/flow");
  await tab.find("#flow-live", "Live");
  await tab.page.evaluate(() => (window.isSamePage = true));
  const bank = await api.create("/api/banks", { name: bankName });
  const row = await completes(tab, bank);
  await open(tab, row);
  for (const step of ["Published", "Mailed", "Confirmed (ACK)", "Logged"]) await tab.find(`#${row.id} th`, step);
  assert(await tab.page.evaluate(() => window.isSamePage === true), "the page of the flow was loaded again");
  await assertOnce(state, row);
  await audit.page(tab, "flow");
  await tab.press("#flow-live button", "Pause");
  await tab.find("#flow-live", "Paused");
  await tab.press("#flow-live button", "Resume");
  await tab.find("#flow-live", "Live");
  await tab.visit(`/console/flow/${row.eventId}`);
  await tab.find(".badge.ok", "logged");
  await audit.page(tab, "event");
}

/** Hidden tabs leave their connections to the others, and are live again when they are seen. */
export async function useManyTabs({ tab, api }) {
  const pages = [];
  for (let count = 0; count < TABS; count += 1) {
    const page = await tab.page.browserContext().newPage();
    await page.goto(`${tab.origin}/console/flow`, { waitUntil: "load", timeout: LIMIT_MS });
    pages.push(page);
  }
  const bank = await api.create("/api/banks", { name: "Hidden Bank" });
  await pages[0].bringToFront();
  await eventually("the row of a bank in a tab that was hidden", () => rowOf({ page: pages[0] }, "bank.created", bank.id));
  for (const page of pages) await page.close();
}

/** How far the services are scrolled to the right. */
const scrolled = (tab) => tab.page.evaluate(() => document.querySelector("#health-services").scrollLeft);

/** Scrolls the services to their right edge on a telephone. */
async function scrollServices(tab) {
  await tab.page.setViewport({ width: 360, height: 800 });
  await tab.page.evaluate(() => (document.querySelector("#health-services").scrollLeft = 10_000));
  assert((await scrolled(tab)) > 0, "the table of the services does not scroll at 360 px");
}

export async function seeOutage(state) {
  const { tab, audit, api, mail, other } = state;
  await tab.visit("/console/flow");
  await other.visit("/console/health");
  await other.find("#health-services tr:has(.badge.ok)", "email-service");
  await scrollServices(other);
  assert((await api.metric(...PAUSED)) === 0, "the queue of the mails is paused before the outage");

  await mail.stop();
  const bank = await api.create("/api/banks", { name: "Outage Bank" });
  await eventually("bank_consumer_paused to be 1", async () => (await api.metric(...PAUSED)) === 1);
  const row = await eventually("the row of the second bank", () => rowOf(tab, "bank.created", bank.id));
  await open(tab, row);
  await tab.find(`#${row.id} tr.bad`, "Mailed");
  await audit.page(tab, "flow-outage");
  await other.find("#health-services .badge.bad", "email-service");
  assert((await scrolled(other)) > 0, "an update has scrolled the services back");
  await audit.page(other, "health-outage");

  await mail.start();
  await eventually("bank_consumer_paused to be 0", async () => (await api.metric(...PAUSED)) === 0);
  await completes(tab, bank);
  await assertOnce(state, row);
  await eventually("the page Health to be green", async () => !(await other.has("#health-services .badge.bad")));
  await audit.page(other, "health");
}
