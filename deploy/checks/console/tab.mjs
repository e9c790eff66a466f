// A tab of the browser. It keeps the errors of its pages, and counts the bytes that a page took.
import { LIMIT_MS, assert, eventually } from "./wait.mjs";

export class Tab {
  /** Errors of the console, uncaught exceptions and violations of the content security policy. */
  faults = [];
  /** Bytes that came over the network for this page, its files included, as they were sent. */
  bytes = 0;
  #expected = [];

  static async open(context, origin) {
    const tab = new Tab();
    tab.origin = origin;
    tab.page = await context.newPage();
    tab.page.setDefaultTimeout(LIMIT_MS);
    tab.#watch();
    if (context.browser().protocol === "cdp") await tab.#measure();
    return tab;
  }

  #fault(text) {
    if (!this.#expected.some((pattern) => pattern.test(text))) this.faults.push(`${this.path()}: ${text}`);
  }

  #watch() {
    this.page.on("pageerror", (error) => this.#fault(String(error)));
    this.page.on("console", (message) => {
      if (message.type() === "error") this.#fault(message.text());
    });
  }

  /** What only Chromium's own protocol tells. */
  async #measure() {
    // A tab behind another one is hidden, and its stream closed.
    await this.page.emulateFocusedPage(true);
    // Each page is measured as at its first visit.
    await this.page.setCacheEnabled(false);
    this.cdp = await this.page.createCDPSession();
    await this.cdp.send("Network.enable");
    const { frameTree } = await this.cdp.send("Page.getFrameTree");
    this.cdp.on("Network.requestWillBeSent", ({ type, frameId }) => {
      if (type === "Document" && frameId === frameTree.frame.id) this.bytes = 0;
    });
    this.cdp.on("Network.loadingFinished", ({ encodedDataLength }) => (this.bytes += encodedDataLength));
    // The policy's violations are named by the browser, whatever else it writes about them.
    await this.cdp.send("Audits.enable");
    this.cdp.on("Audits.issueAdded", ({ issue }) => {
      const details = issue.details.contentSecurityPolicyIssueDetails;
      if (details) this.#fault(`content security policy: ${details.violatedDirective} ${details.blockedURL ?? ""}`);
    });
  }

  path() {
    return this.page.url().replace(this.origin, "");
  }

  /** Errors that a step causes on purpose; the next call replaces them. */
  expect(...patterns) {
    this.#expected = patterns;
  }

  /** Opens a page; fails if it answers with another status. */
  async visit(path, status = 200) {
    const response = await this.page.goto(this.origin + path, { waitUntil: "load" });
    assert(response.status() === status, `${path}: ${response.status()}, not ${status}`);
  }

  /** Presses what has this text among the elements of a selector, and waits for the page that follows. */
  async follow(selector, text = "") {
    const element = await this.find(selector, text);
    await Promise.all([this.page.waitForNavigation({ waitUntil: "load" }), element.click()]);
  }

  async press(selector, text = "") {
    await (await this.find(selector, text)).click();
  }

  async fill(selector, text) {
    const element = await this.find(selector);
    await element.evaluate((field) => (field.value = ""));
    await element.type(text);
  }

  /** Waits for an element of a selector that has this text. */
  async find(selector, text = "") {
    return eventually(`${selector} with "${text}" on ${this.path()}`, async () => {
      const found = await this.page.evaluateHandle(
        (selector, text) => [...document.querySelectorAll(selector)].find((one) => one.textContent.includes(text)),
        selector,
        text,
      );
      return found.asElement();
    });
  }

  /** The same on a page that has to be loaded anew to change. */
  async findByReloading(selector, text) {
    return eventually(`${selector} with "${text}" on ${this.path()}`, async () => {
      await this.page.reload({ waitUntil: "load" });
      return this.has(selector, text);
    });
  }

  has(selector, text = "") {
    return this.page.evaluate(
      (selector, text) => [...document.querySelectorAll(selector)].some((one) => one.textContent.includes(text)),
      selector,
      text,
    );
  }

  async isAt(path) {
    await eventually(`the page ${path} instead of ${this.path()}`, async () => this.path().split("?")[0] === path);
  }
}
