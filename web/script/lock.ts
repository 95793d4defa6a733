// The lock that lets one tab pay at a time: a Web Lock, or a question to the other tabs where there are none.

export interface Lock {
  /**
   * Takes the lock, by force if `steal`. `answer` is told whether it is held, and returns whether it is still wanted;
   * `stolen` is told if another tab takes it by force.
   */
  take(steal: boolean, answer: (isHeld: boolean) => boolean, stolen: () => void): Promise<void>;
  release(): void;
  /**
   * Claims the right to send a payment, until `release`. No other tab can take that by force. Returns whether no other tab
   * has it.
   */
  seal(): Promise<boolean>;
}

/** How long other tabs have to answer, in milliseconds. On a busy device they are slow. */
const ANSWER_MS = 1_000;

/** Makes the lock of a name. */
export function makeLock(name: string): Lock {
  const real = webLock(name);
  let substitute: Lock | null = null;
  // A browser that blocks cookies has Web Locks, and refuses each request for one.
  const instead = (): Lock => (substitute ??= channelLock(name));
  return {
    take: async (...how) => (substitute ?? real).take(...how).catch(() => instead().take(...how)),
    release: () => (substitute ?? real).release(),
    seal: () => (substitute ?? real).seal().catch(() => instead().seal()),
  };
}

/** Makes a lock of Web Locks. What it cannot do at all, it rejects. */
function webLock(name: string): Lock {
  let release = (): void => undefined;
  let unseal = release;
  let ended: Promise<unknown> = Promise.resolve();
  return {
    release() {
      release();
      unseal();
    },
    seal: () =>
      new Promise((resolve, reject) => {
        const sealed = (lock: unknown): Promise<void> | undefined => {
          resolve(lock !== null);
          return lock ? new Promise<void>((done) => (unseal = done)) : undefined;
        };
        navigator.locks.request(`${name}:sent`, { ifAvailable: true }, sealed).catch(reject);
      }),
    async take(steal, answer, stolen) {
      // This tab's own lock of a moment ago may not be free yet.
      await ended;
      await new Promise<void>((resolve, reject) => {
        let isAnswered = false;
        const request = navigator.locks.request(name, steal ? { steal } : { ifAvailable: true }, (lock) => {
          isAnswered = true;
          resolve();
          const held = new Promise<void>((done) => (release = done));
          return answer(lock !== null) && lock ? held : undefined;
        });
        // Before the answer, a failure means that there are no locks here. After it, another tab has taken the lock.
        ended = request.catch((error: unknown) => (isAnswered ? stolen() : reject(error)));
      });
    },
  };
}

/** Makes a lock that tabs agree on by messages. */
function channelLock(name: string): Lock {
  // A browser that has neither has one tab, as far as can be known.
  const channel = window.BroadcastChannel ? new BroadcastChannel(name) : null;
  let isHeld = false;
  let isSealed = false;
  let isFree = true;
  let lost = (): void => undefined;
  channel?.addEventListener('message', ({ data }) => {
    if (data === 'busy') isFree = false;
    else if (isSealed || (isHeld && data === 'take')) channel?.postMessage('busy');
    else if (isHeld) {
      isHeld = false;
      lost();
    }
  });
  const ask = async (what: string): Promise<boolean> => {
    isFree = true;
    channel?.postMessage(what);
    await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
    return isFree;
  };
  return {
    release() {
      isHeld = isSealed = false;
    },
    async seal() {
      // Of two tabs that claim at once, neither gets it.
      isSealed = true;
      return (isSealed = await ask('seal'));
    },
    async take(steal, answer, stolen) {
      isHeld = await ask(steal ? 'steal' : 'take');
      lost = stolen;
      isHeld = answer(isHeld) && isHeld;
    },
  };
}
