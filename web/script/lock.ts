// The lock that lets one tab pay at a time. Without Web Locks the storage alone decides, when a payment is kept.

export interface Lock {
  /** Whether the browser has Web Locks. */
  readonly isReal: boolean;
  /**
   * Takes the lock, by force if `steal`. `answer` is told whether it is held, and returns whether it is still wanted;
   * `stolen` is told if another tab takes it by force.
   */
  take(steal: boolean, answer: (isHeld: boolean) => boolean, stolen: () => void): Promise<void>;
  release(): void;
  /**
   * Claims the right to send a payment that only this tab knows of, until `release`. No other tab can take that by force.
   * Returns whether no other tab has it.
   */
  seal(): Promise<boolean>;
}

/** Makes the lock of a name. */
export function makeLock(name: string): Lock {
  let release = (): void => undefined;
  let unseal = release;
  let ended: Promise<unknown> = Promise.resolve();
  return {
    isReal: !!navigator.locks,
    release() {
      release();
      unseal();
    },
    seal: () =>
      new Promise((resolve) => {
        const sealed = (lock: unknown): Promise<void> | undefined => {
          resolve(lock !== null);
          return lock ? new Promise<void>((done) => (unseal = done)) : undefined;
        };
        // Where there are no locks, nothing can tell.
        const there = (): void => resolve(true);
        if (navigator.locks) navigator.locks.request(`${name}:sent`, { ifAvailable: true }, sealed).catch(there);
        else there();
      }),
    async take(steal, answer, stolen) {
      let isAnswered = false;
      const tell = (isHeld: boolean): boolean => {
        isAnswered = true;
        return answer(isHeld);
      };
      const locks: LockManager | undefined = navigator.locks;
      if (!locks) return void tell(true);
      // This tab's own lock of a moment ago may not be free yet.
      await ended;
      const request = (): Promise<unknown> =>
        locks.request(name, steal ? { steal } : { ifAvailable: true }, (lock) => {
          const held = new Promise<void>((resolve) => (release = resolve));
          const isWanted = tell(lock !== null);
          return lock && isWanted ? held : undefined;
        });
      // Before the answer, a failure means that there are no locks here. After it, another tab has taken the lock.
      ended = Promise.resolve()
        .then(request)
        .catch(() => (isAnswered ? stolen() : void tell(true)));
    },
  };
}
