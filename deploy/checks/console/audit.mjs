// What every page has to be: accessible, usable by keyboard, narrow enough for a telephone, small, and without errors.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const LOOKS = [360, 1280].flatMap((width) => ["light", "dark"].map((scheme) => ({ width, scheme })));
const HEIGHT = 800;
const MAX_BYTES = 60_000;
/** Enough for the navigation, a form and the first row of a list. */
const MAX_TABS = 40;

export class Audit {
  #pictures;
  /** What is wrong, of all pages. */
  findings = [];
  pages = 0;

  constructor(pictures) {
    this.#pictures = pictures;
  }

  /** Checks the page that the tab shows, under a name for its pictures. */
  async page(tab, name) {
    const fault = (text) => this.findings.push(`${name} (${tab.path()}): ${text}`);
    this.pages += 1;
    await tab.page.bringToFront();
    if (tab.bytes > MAX_BYTES) fault(`${tab.bytes} bytes`);
    await tab.page.evaluate(AXE);
    for (const { width, scheme } of LOOKS) {
      await tab.page.setViewport({ width, height: HEIGHT });
      await tab.page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      const look = `${width} px, ${scheme}`;
      const scrolled = await tab.page.evaluate(() => document.scrollingElement.scrollWidth);
      if (scrolled > width) fault(`${look}: ${scrolled} px wide, because of ${await widest(tab.page)}`);
      for (const violation of await violations(tab.page)) fault(`${look}: ${violation}`);
      await tab.page.screenshot({ path: path.join(this.#pictures, `${name}-${width}-${scheme}.png`), fullPage: true });
    }
    for (const text of await byKeyboard(tab.page)) fault(text);
  }
}

/** Serious and critical violations, as axe names them. */
async function violations(page) {
  return page.evaluate(async () => {
    // The frame of a mail is of no origin, so it cannot be asked.
    const { violations } = await axe.run(document, { resultTypes: ["violations"], iframes: false });
    const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    return serious.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes[0].html.slice(0, 200)} (${nodes.length})`);
  });
}

/** The element that reaches furthest to the right without being in a part that scrolls by itself. */
async function widest(page) {
  return page.evaluate(() => {
    const all = [...document.body.querySelectorAll("*")].filter((one) => !one.parentElement.closest(".scroll, pre"));
    const [first] = all.sort((a, b) => b.getBoundingClientRect().right - a.getBoundingClientRect().right);
    return first.outerHTML.slice(0, 120);
  });
}

/** Walks through the page by Tab, from its begin. */
async function byKeyboard(page) {
  const faults = [];
  await page.evaluate(() => {
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute("tabindex");
    window.reached = [];
  });
  for (let count = 0; count < MAX_TABS; count += 1) {
    await page.keyboard.press("Tab");
    const invisible = await page.evaluate(() => {
      const one = document.activeElement;
      if (one === document.body || (one === window.reached[0] && window.reached.length > 1)) return "end";
      window.reached.push(one);
      const { outlineStyle, outlineWidth } = getComputedStyle(one);
      const { width, height, left } = one.getBoundingClientRect();
      const isSeen = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 && width > 0 && height > 0 && left >= 0;
      return isSeen || one.tagName === "IFRAME" ? "" : one.outerHTML.slice(0, 120);
    });
    if (invisible === "end") break;
    if (invisible) faults.push(`by keyboard: the focus is not visible on ${invisible}`);
  }
  const missed = await page.evaluate(() => {
    const first = document.querySelector("main :is(button, summary, a, .button)");
    const wanted = [...document.querySelectorAll("nav[aria-label=Screens] a, .skip"), ...(first ? [first] : [])];
    return wanted.filter((one) => !window.reached.includes(one)).map((one) => one.outerHTML.slice(0, 120));
  });
  return faults.concat(missed.map((html) => `by keyboard: Tab does not reach ${html}`));
}
