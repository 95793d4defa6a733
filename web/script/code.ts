// The one-time code that continues a session on this device. It stands in the fragment, which no server sees.

/** Returns the code of the address and wipes it, so that it stays in no history and no screenshot. */
export function takeCode(): string | null {
  const found = /^#code=([\w-]{1,200}$)?/.exec(location.hash);
  if (found) history.replaceState(history.state, '', location.pathname + location.search);
  return found?.[1] ?? null;
}
