// Waiting for a state, within a bound.

/** How long any state may take to come. */
export const LIMIT_MS = 60_000;
const PAUSE_MS = 50;

/** Asks until the answer is neither false nor null, and returns it. A question that a navigation interrupts is asked again. */
export async function eventually(what, ask) {
  const deadline = Date.now() + LIMIT_MS;
  for (;;) {
    const answer = await ask().catch((error) => {
      if (!/context was destroyed|Cannot find context|detached/i.test(error.message)) throw error;
      return null;
    });
    if (answer !== null && answer !== undefined && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`not within ${LIMIT_MS / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

export function assert(condition, what) {
  if (!condition) throw new Error(what);
}
