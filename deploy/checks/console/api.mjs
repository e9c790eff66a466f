// The HTTP API of the three services, and the codes of an authenticator app.
import { createHmac } from "node:crypto";

import { LIMIT_MS } from "./wait.mjs";

export class Api {
  constructor(urls, token = null) {
    this.urls = urls;
    this.token = token;
  }

  /** An API of the user of these credentials, which has no second factor. */
  async login(email, password) {
    const answer = await this.ask("POST", "/auth/login", { email, password });
    return new Api(this.urls, answer.access_token);
  }

  /** The answer's body; fails if the status is another one than `expected` (any 2xx unless given). */
  async ask(method, path, body, expected) {
    const { status, text } = await this.send(method, this.urls.bank + path, body);
    const fits = expected ? status === expected : status >= 200 && status < 300;
    if (!fits) throw new Error(`${method} ${path}: ${status} ${text.slice(0, 500)}`);
    return text ? JSON.parse(text) : null;
  }

  async create(path, body) {
    return (await this.ask("POST", path, body, 201)).item;
  }

  async send(method, url, body) {
    const headers = { "content-type": "application/json" };
    if (this.token) headers.authorization = `Bearer ${this.token}`;
    const signal = AbortSignal.timeout(LIMIT_MS);
    const answer = await fetch(url, { method, headers, signal, body: body && JSON.stringify(body) });
    return { status: answer.status, text: await answer.text() };
  }

  /** The value of a sample of /metrics that has these labels; null if there is none. */
  async metric(service, name, labels = "") {
    const { text } = await this.send("GET", `${this.urls[service]}/metrics`);
    const line = text.split("\n").find((line) => line.startsWith(name) && line.includes(labels));
    return line ? Number(line.split(" ").at(-1)) : null;
  }

  /** The newest entries of a type in the log. */
  async logOf(eventType) {
    const { status, text } = await this.send("GET", `${this.urls.log}/api/logs?event_type=${eventType}&page_size=100`);
    if (status !== 200) throw new Error(`the log: ${status} ${text.slice(0, 500)}`);
    return JSON.parse(text).results;
  }
}

/** The time step of now: 30 seconds each. */
export const timeStep = () => Math.floor(Date.now() / 30_000);

/** The code of a time step (RFC 6238: SHA-1, six digits) for a secret in base32. */
export function totp(secret, step) {
  const bits = [...secret].map((char) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(char).toString(2).padStart(5, "0"));
  const key = Buffer.from(bits.join("").match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const digest = createHmac("sha1", key).update(counter).digest();
  const number = digest.readUInt32BE(digest.at(-1) & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}
