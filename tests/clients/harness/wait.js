// Every wait is for a condition, with a deadline and a name for the error message.

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Polls `condition` until it returns something truthy, and returns that.
 * @param {string} what       for the error message
 * @param {() => any} condition
 * @param {{within?: number, every?: number}} options  both in milliseconds
 */
export async function until(what, condition, { within = 10_000, every = 15 } = {}) {
  const deadline = performance.now() + within;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`waited ${within} ms in vain until ${what}`);
    await pause(every);
  }
}

/** Resolves when the wall clock has passed `time`, in milliseconds since the epoch. */
export const untilTime = (time) =>
  until(`the clock shows ${new Date(time).toISOString()}`, () => Date.now() > time, {
    within: Math.max(0, time - Date.now()) + 1_000,
    every: 10,
  });

/** Rejects if `promise` has not settled in time. */
export async function withDeadline(what, promise, within) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${within} ms`)), within);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
