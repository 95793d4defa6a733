// Sends bytes on a socket, below what any HTTP client would send, and reads what comes back.

import { connect } from 'node:net';

/** Returns the answer at the start of `bytes`, or null while it is incomplete. */
function answerIn(bytes, { bodiless }) {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const [first, ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1]);
  if (!status) throw new Error(`not an answer: ${first}`);
  const length = bodiless ? 0 : Number(headers['content-length'] ?? 0);
  const body = bytes.subarray(end + 4, end + 4 + length);
  return body.length < length ? null : { status, headers, body: body.toString('utf8'), size: end + 4 + length };
}

/** A connection to the gateway. */
export class Raw {
  /** `from` is the address of this machine from which it is opened. */
  static open({ url }, { from } = {}) {
    const raw = new Raw();
    const { hostname, port } = new URL(url);
    raw.bytes = Buffer.alloc(0);
    raw.socket = connect({ port: Number(port), host: hostname, localAddress: from });
    raw.socket.setNoDelay(true);
    raw.socket.on('data', (data) => (raw.bytes = Buffer.concat([raw.bytes, data])));
    raw.socket.on('error', (error) => (raw.error = error.code)); // a reset; `close` follows
    raw.closed = new Promise((resolve) => raw.socket.once('close', () => resolve((raw.over = true))));
    return new Promise((resolve, reject) => raw.socket.once('connect', () => resolve(raw)).once('error', reject));
  }

  /** Gives bytes to the system. The answer shows whether they were accepted. */
  write(bytes) {
    if (!this.over) this.socket.write(bytes, () => {});
    return this;
  }

  /** Ends the sending. */
  end() {
    this.socket.end();
    return this;
  }

  /** Returns the next answer, or null if the connection is closed without one. Rejects if neither comes in time. */
  async answer({ within = 2_000, bodiless = false } = {}) {
    const deadline = performance.now() + within;
    for (;;) {
      const found = answerIn(this.bytes, { bodiless });
      if (found) {
        this.bytes = this.bytes.subarray(found.size);
        return found;
      }
      if (this.over) return null;
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`no answer and no end within ${within} ms`);
      await this.news(left);
    }
  }

  /** Waits until the other side has closed the connection. */
  async ends(within = 2_000) {
    const deadline = performance.now() + within;
    while (!this.over) {
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`still open after ${within} ms`);
      await this.news(left);
    }
  }

  /** Waits until something happens on the connection, or until this many milliseconds are over. */
  news(within) {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.socket.off('data', done).off('close', done);
        resolve();
      };
      const timer = setTimeout(done, within);
      this.socket.once('data', done).once('close', done);
    });
  }

  destroy() {
    this.socket.destroy();
  }
}
