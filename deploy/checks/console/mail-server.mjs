// A mail server for the test: it accepts every mail and counts them by Message-ID, until it is stopped.
import net from "node:net";

export class MailServer {
  #port;
  #server;
  #connections = new Set();
  /** How often each Message-ID was accepted. */
  accepted = new Map();

  constructor(port) {
    this.#port = port;
  }

  start() {
    this.#server = net.createServer((socket) => this.#serve(socket));
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject).listen(this.#port, "127.0.0.1", resolve);
    });
  }

  /** Refuses connections from now on, and cuts those that are open. */
  stop() {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#connections) socket.destroy();
    return closed;
  }

  #serve(socket) {
    this.#connections.add(socket);
    socket.on("close", () => this.#connections.delete(socket)).on("error", () => socket.destroy());
    let unread = "";
    let mail = null;
    const answer = (line) => socket.write(`${line}\r\n`);
    answer("220 mail.localhost ESMTP");
    socket.setEncoding("utf8").on("data", (text) => {
      const lines = (unread + text).split("\r\n");
      unread = lines.pop();
      for (const line of lines) {
        if (mail === null) {
          mail = this.#command(line, answer, socket);
        } else if (line === ".") {
          this.#accept(mail.join("\n"));
          mail = null;
          answer("250 2.0.0 accepted");
        } else {
          mail.push(line);
        }
      }
    });
  }

  /** Returns the lines of the mail that follows, or null. */
  #command(line, answer, socket) {
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === "DATA") {
      answer("354 go on");
      return [];
    }
    if (verb === "QUIT") {
      socket.end("221 2.0.0 closing\r\n");
    } else {
      const isKnown = ["EHLO", "HELO", "MAIL", "RCPT", "RSET", "NOOP"].includes(verb);
      answer(isKnown ? "250 2.0.0 ok" : "502 5.5.1 not known");
    }
    return null;
  }

  #accept(mail) {
    const id = /^Message-ID:\s*(<[^>]*>)/im.exec(mail)?.[1];
    if (!id) throw new Error(`a mail without a Message-ID: ${mail.slice(0, 500)}`);
    this.accepted.set(id, (this.accepted.get(id) ?? 0) + 1);
  }
}
