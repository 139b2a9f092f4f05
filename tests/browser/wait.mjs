/* Waiting for something, with an end. */

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/* condition()'s first true value; a failure after so many seconds. */
export async function within(seconds, what, condition) {
  const end = Date.now() + seconds * 1000;
  let last = null;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      last = null;
    } catch (e) {
      if (Date.now() > end || !(e instanceof TypeError)) throw e; /* fetch without a server */
      last = e;
    }
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s${last ? ` (${last.message})` : ''}`);
    await pause(25);
  }
}
