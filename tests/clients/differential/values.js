// Compares JSON as values, so that the order of an object's members does not matter.

/** Parses an object or an array. Any other text stays as it is. */
function parsed(text) {
  if (!/^[{[]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Decodes canonical base64, the encoding of x402's headers. */
function decoded(text) {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes.toString() : undefined;
}

/**
 * Returns a copy with members sorted by name, in which text that is JSON, or JSON in base64, becomes its value. Text
 * and values stay distinguishable.
 */
export function valueOf(some) {
  if (Array.isArray(some)) return some.map(valueOf);
  if (some !== null && typeof some === 'object') {
    return Object.fromEntries(Object.entries(some).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => [name, valueOf(value)]));
  }
  if (typeof some !== 'string') return some;
  const json = parsed(some);
  if (json !== undefined) return { json: valueOf(json) };
  const inside = parsed(decoded(some) ?? '');
  return inside === undefined ? some : { base64: valueOf(inside) };
}

/** Returns the value as one line, which is the same for the same value. */
export const written = (some) => JSON.stringify(valueOf(some));

/** Tells whether two values mean the same. */
export const same = (a, b) => a === b || written(a) === written(b);
