// A dead letter of log-service is red; after a dry run and with a reason it is replayed, and its event is logged once.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import { assert, eventually } from "../wait.mjs";
import { rowOf } from "./flow.mjs";

const MAKE = fileURLToPath(new URL("../dead-letter.py", import.meta.url));
const QUEUE = "log-service";
const REASON = "The disk has room again.";

export async function replay({ tab, other, audit, api, data }) {
  const bank = await api.create("/api/banks", { name: "Before" });
  await api.ask("PUT", `/api/banks/${bank.id}`, { name: "After" });
  const isUpdate = (entry) => entry.data.id === bank.id;
  const [{ event_id: eventId }] = await eventually("the change to be logged", async () => {
    const found = (await api.logOf("bank.updated")).filter(isUpdate);
    return found.length > 0 && found;
  });
  execFileSync("python3", [MAKE, data, eventId]);
  const entries = async () => (await api.logOf("bank.updated")).filter(isUpdate).length;
  assert((await entries()) === 0, "the event is still in the log");

  await other.visit("/console/flow?type=bank.updated");
  const row = () => rowOf(other, "bank.updated", bank.id);
  await eventually("the row of the dead letter to be red", async () => {
    const { state, isRed } = await row();
    return state === "parked" && isRed;
  });
  await audit.page(other, "flow-dead-letter");
  await replayOnPages(tab, audit, eventId);
  await eventually("the row of the replayed event to be green, without a reload", async () => {
    const { state, isRed } = await row();
    return state === "logged" && !isRed;
  });
  assert((await entries()) === 1, "the replayed event is not in the log once");
  await tab.visit(`/console/flow/${eventId}`);
  await tab.find("td", "replayed");
  await tab.find("td", REASON);
  await audit.page(tab, "event-replayed");
}

async function replayOnPages(tab, audit, eventId) {
  await tab.visit("/console/dead-letters");
  await audit.page(tab, "dead-letters");
  await tab.follow("th a", QUEUE);
  await audit.page(tab, "dead-letters-of-a-queue");
  await tab.follow("th a", eventId);
  await tab.find("dd", "the disk is full");
  await audit.page(tab, "dead-letter");
  await tab.follow("button", "Replay: dry run");
  await tab.find(".notice", "nothing was done");
  await audit.page(tab, "dead-letter-dry-run");
  await tab.visit("/console/dead-letters");
  await tab.find("th a", QUEUE);
  await tab.follow("th a", QUEUE);
  await tab.press(`#d-${eventId}`);
  await tab.follow("button", "Replay: dry run");
  await tab.fill("#f-reason", REASON);
  await tab.follow("button", "Replay");
  await tab.find(".notice", "put back into their queue");
  assert(!(await tab.has("th a", QUEUE)), "the dead letter is still listed");
}
