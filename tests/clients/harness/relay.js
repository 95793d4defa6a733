// Runs between the gateway and the chain. It counts the gateway's calls, and spoils those that a test picks.

import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

/**
 * The ways to spoil a call. `pass` carries it out and returns the chain's answer, and null hangs up. A way that writes
 * to `http.response` itself returns nothing.
 */
export const spoiled = {
  neverArrives: async () => null,
  answerIsLost: async (pass) => (await pass(), null),
  answersError: async (pass) => {
    const { id } = JSON.parse(await pass());
    return JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32603, message: 'Internal error' } });
  },
};

/**
 * Tells whether the host keeps its recent blockhash fresh by this call. Such a call belongs to no request, and comes at
 * any time.
 */
const isPoll = ({ method, params }) => method === 'getLatestBlockhash' && params?.[0]?.minContextSlot === undefined;

const headers = { 'content-type': 'application/json' };
const through = (pass) => pass();

export class Relay {
  static async start(upstream) {
    const relay = new Relay();
    relay.calls = [];
    relay.attempts = [];
    relay.spoil = () => null;
    relay.server = createServer(async (request, response) => {
      try {
        const body = await text(request);
        const call = JSON.parse(body);
        const pass = async () => (await fetch(upstream, { method: 'POST', headers, body })).text();
        if (isPoll(call)) {
          response.writeHead(200, headers).end(await pass());
          return;
        }
        relay.calls.push(call.method);
        const how = relay.spoil(call.method) ?? relay.toldOf(call) ?? through;
        const answer = await how(pass, { request, response, call, upstream });
        if (answer === null) request.socket.destroy();
        else if (answer !== undefined) response.writeHead(200, headers).end(answer);
      } catch {
        request.socket.destroy(); // one of the two ends is gone
      }
    });
    // Only the side that opened a connection closes it. Otherwise a call could go out on a connection that is just
    // being closed.
    relay.server.keepAliveTimeout = 0;
    await new Promise((resolve) => relay.server.listen(0, '127.0.0.1', resolve));
    relay.url = `http://127.0.0.1:${relay.server.address().port}`;
    return relay;
  }

  /** Returns how to answer a call about the payment of one of the attempts. */
  toldOf(call) {
    const attempt = this.attempts.find((each) => each.isMeantBy(call));
    return attempt && ((pass, http) => attempt.answer(pass, { ...http, attempt }));
  }

  /** Spoils the next call of this method. */
  spoilNext(wanted, how) {
    let left = 1;
    this.spoil = (method) => (method === wanted && left-- > 0 ? how : null);
  }

  /** Runs `first` before the next call of this method, and `then` after it. Later calls pass. */
  around(wanted, first, then = async () => {}) {
    this.spoilNext(wanted, async (pass) => {
      await first();
      const answer = await pass();
      await then();
      return answer;
    });
  }

  /** Spoils every call until `mend`. */
  spoilAll(how) {
    this.spoil = () => how;
  }

  mend() {
    this.spoil = () => null;
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}
