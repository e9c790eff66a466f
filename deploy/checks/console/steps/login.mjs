// `/` leads to the login; a wrong password is refused, and the right one asks for the second factor.
import { timeStep, totp } from "../api.mjs";
import { assert } from "../wait.mjs";

/** A second factor for the user of this API; returns the secret that its authenticator app has. */
export async function enrol(api) {
  const { secret } = await api.ask("POST", "/auth/mfa/totp");
  // The code of the step before is accepted too, and leaves the one of now to the login.
  await api.ask("POST", "/auth/mfa/totp/verify", { otp: totp(secret, timeStep() - 1) });
  return secret;
}

/** Fills the form of the login in. */
export async function giveCredentials(tab, email, password) {
  await tab.fill("#email", email);
  await tab.fill("#password", password);
  await tab.follow("main button", "Log in");
}

export async function logIn({ tab, audit, email, password, api }) {
  const secret = await enrol(api);
  await tab.visit("/");
  await tab.isAt("/console/login");
  await audit.page(tab, "login");

  // A refused form is a page with that status, which the browser's console reports.
  tab.expect(/status of 401/);
  await giveCredentials(tab, email, "not the password");
  await tab.find(".faults[role=alert]", "is wrong");
  await audit.page(tab, "login-refused");
  tab.expect();

  await giveCredentials(tab, email, password);
  await tab.find("h1", "Second factor");
  await audit.page(tab, "second-factor");
  await tab.fill("#code", totp(secret, timeStep()));
  await tab.follow("main button", "Log in");
  await tab.isAt("/console/flow");
  const cookies = await tab.page.browserContext().cookies();
  const session = cookies.find(({ name }) => name === "console");
  assert(session?.httpOnly && session.sameSite === "Strict", `the cookie of the session is ${JSON.stringify(session)}`);
}
