// Runs the browser's client of docs/live-changes.md, with a server and a clock that are under control: it reconnects after each kind of
// failure, with pauses that grow to a bound, and ends with the session.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const code = readFileSync(process.argv[2], "utf8").match(/```js\n(async function follow[^]*?)```/)[1];

const pauses = [];
const sources = [];
let pending;
const clock = (callback, pause, ...given) => {
  pauses.push(pause);
  pending = () => callback(...given);
};
class Source {
  listeners = {};
  constructor(url) {
    this.url = url;
    sources.push(this);
  }
  addEventListener(name, listener) {
    this.listeners[name] = listener;
  }
  close() {
    this.isClosed = true;
  }
}
let answer;
const follow = new Function("fetch", "setTimeout", "EventSource", `${code}; return follow;`)(async () => answer(), clock, Source);

const refused = () => {
  throw new TypeError("fetch failed");
};
const ticket = () => ({ ok: true, status: 200, json: async () => ({ ticket: "t" }) });
const failures = [refused, () => ({ ok: false, status: 503 }), () => ({ ok: true, status: 200, json: async () => JSON.parse("{") })];

const seen = [];
answer = refused;
await follow("", () => "token", (verb, change) => seen.push([verb, change]), "7");
for (let count = 0; count < 9; count += 1) {
  answer = failures[count % failures.length];
  await pending();
}
assert.deepEqual(pauses.slice(0, 6), [1000, 2000, 4000, 8000, 16000, 30000]);
assert.ok(pauses.length === 10 && pauses.every((pause) => pause <= 30000), String(pauses));

answer = ticket;
await pending();
const [source] = sources;
assert.match(source.url, /ticket=t&last_event_id=7$/);
source.onopen();
source.listeners.create({ lastEventId: "8", data: '{"id":1}' });
assert.deepEqual(seen, [["create", { id: 1 }]]);
source.onerror();
assert.ok(source.isClosed && pauses.at(-1) === 1000, "a stream that was open is followed again soon");
await pending();
assert.match(sources[1].url, /last_event_id=8$/);

sources[1].onerror();
answer = () => ({ ok: false, status: 401 });
const count = pauses.length;
await pending();
assert.equal(pauses.length, count, "a session that is over is not followed");
console.log("the browser's client of docs/live-changes.md reconnects");
