// Honest values with random damage, the same for the same seed.

/** Returns a generator of numbers below 1, the same for the same seed (mulberry32). */
export function numbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Unexpected values. */
export const odd = [
  null, true, false, 0, -1, 1.5, 1e300, Number.MAX_SAFE_INTEGER, [], [[]], {}, { length: 1 },
  '', ' ', '\0', '\u202e', '\ud800', '𝕏'.repeat(50), '0', '-1', '10000', '18446744073709551616', 'exact', 'solana:', '../../etc/passwd',
  '<script>', '%00', "' OR 1=1 --", '11111111111111111111111111111111', 'AAAA', '====', 'A'.repeat(3_000), '['.repeat(3_000),
];

/**
 * Returns functions that damage by random numbers: `inBytes` a buffer, `inJson` a value, `payment` a payment as the
 * text of a header; and `below` and `pick`, which choose.
 */
export function damages(random) {
  const below = (n) => Math.floor(random() * n);
  const pick = (list) => list[below(list.length)];

  const inBytes = (data) => {
    const [a, b] = [below(data.length + 1), below(data.length + 1)].sort((x, y) => x - y);
    return pick([
      () => Buffer.from(data.map((byte, n) => (n === a ? byte ^ (1 << below(8)) : byte))),
      () => Buffer.from(data.map((byte) => (random() < 0.02 ? below(256) : byte))),
      () => Buffer.concat([data.subarray(0, a), data.subarray(b)]),
      () => Buffer.concat([data.subarray(0, b), data.subarray(a)]),
      () => Buffer.concat([data.subarray(0, a), Buffer.from(Array.from({ length: 1 + below(40) }, () => below(256))), data.subarray(a)]),
      () => data.subarray(0, a),
      () => Buffer.from(data.map((byte, n) => (n >= a && n < b ? 0 : byte))),
    ])();
  };

  const inJson = (value) => {
    const copy = structuredClone(value);
    let [holder, key] = [{ copy }, 'copy'];
    while (holder[key] !== null && typeof holder[key] === 'object' && Object.keys(holder[key]).length > 0 && random() < 0.85) {
      holder = holder[key];
      key = pick(Object.keys(holder));
    }
    const was = holder[key];
    pick([
      () => (holder[key] = pick(odd)),
      () => delete holder[key],
      () => (holder[key] = typeof was === 'string' ? inBytes(Buffer.from(was)).toString('latin1') : [was]),
      () => (holder[`${key}x`] = was),
      () => (holder[key] = { [key]: was }),
    ])();
    return 'copy' in holder ? holder.copy ?? null : copy;
  };

  const base64 = (data) => Buffer.from(data).toString('base64');
  const transaction = (value) => {
    const data = inBytes(Buffer.from(value.payload.transaction, 'base64'));
    return { ...value, payload: { transaction: base64(data) } };
  };
  const printable = (text) => Array.from(text, (letter) => (/[\x20-\x7e]/.test(letter) ? letter : '?')).join('');

  const payment = (value) => {
    const json = (one) => JSON.stringify(one) ?? '';
    return pick([
      () => base64(json(transaction(value))),
      () => base64(json(transaction(transaction(value)))),
      () => base64(json(inJson(value))),
      () => base64(json(inJson(inJson(inJson(value))))),
      () => base64(inBytes(Buffer.from(json(value)))),
      () => printable(inBytes(Buffer.from(base64(json(value)))).toString('latin1')),
    ])();
  };

  return { below, pick, inBytes, inJson, payment };
}
