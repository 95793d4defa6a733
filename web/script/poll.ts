// Asking again and again, as long as the page is seen.

export class Poll {
  private readonly ask: () => Promise<void>;
  private readonly pause: () => number;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isOut = false;

  /** `pause` returns how long to wait after an answer, in milliseconds. */
  constructor(ask: () => Promise<void>, pause: () => number) {
    this.ask = ask;
    this.pause = pause;
  }

  /** Asks now, and from then on. */
  readonly now = async (): Promise<void> => {
    clearTimeout(this.timer);
    if (this.isOut) return;
    this.isOut = true;
    try {
      await this.ask();
    } finally {
      this.isOut = false;
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.due(), this.pause());
  };

  private async due(): Promise<void> {
    // A hidden page asks again when it is shown.
    if (!document.hidden) await this.now();
  }
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
