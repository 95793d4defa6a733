// Asking again and again, as long as the page is seen.

/** Returns what asks now, and from then on. `pause` returns how long to wait after an answer, in milliseconds. */
export function makePoll(ask: () => Promise<void>, pause: () => number): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOut = false;
  const now = async (): Promise<void> => {
    if (isOut) return;
    isOut = true;
    clearTimeout(timer);
    try {
      await ask();
    } finally {
      isOut = false;
      timer = setTimeout(due, pause());
    }
  };
  // A hidden page asks again when it is shown.
  const due = (): void => void (document.hidden || now());
  return () => void now();
}

/** Calls back whenever the page may have missed something. */
export function onWake(wake: () => void): void {
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) wake();
  });
  window.addEventListener('pageshow', (event) => {
    if (event.persisted) wake();
  });
  window.addEventListener('online', wake);
}
