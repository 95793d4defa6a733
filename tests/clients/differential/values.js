// What a recording means: JSON is compared as values, so that the order of an object's members says nothing.

/** Parses an object or an array, and only those: all other text stays what it is. */
function parsed(text) {
  if (!/^[{[]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Decodes canonical base64, as x402's headers are written in. */
function decoded(text) {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes.toString() : undefined;
}

/**
 * Returns a copy in which members stand in the order of their names, and text that is JSON, or JSON in base64, is the
 * value that it says. What was text is told apart from what was a value.
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

/** Returns whether two mean the same. */
export const same = (a, b) => a === b || written(a) === written(b);
