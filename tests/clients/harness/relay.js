// Stands between the gateway and the chain: counts the gateway's calls, and spoils those a test picks.

import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

/**
 * What a spoiled call can come to: `pass` carries it out and answers the chain's words; null hangs up.
 * Whoever writes to `http.response` itself answers nothing here.
 */
export const spoiled = {
  neverArrives: async () => null,
  answerIsLost: async (pass) => (await pass(), null),
  answersError: async (pass) => {
    const { id } = JSON.parse(await pass());
    return JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32603, message: 'Internal error' } });
  },
};

/** The host keeps a recent blockhash at its own pace: such a call belongs to no request, and comes at any time. */
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
    // A connection is closed by who opened it, or a call may go out on one that is just being closed.
    relay.server.keepAliveTimeout = 0;
    await new Promise((resolve) => relay.server.listen(0, '127.0.0.1', resolve));
    relay.url = `http://127.0.0.1:${relay.server.address().port}`;
    return relay;
  }

  /** How a call is answered that is about the payment of one of the attempts. */
  toldOf(call) {
    const attempt = this.attempts.find((each) => each.isMeantBy(call));
    return attempt && ((pass, http) => attempt.answer(pass, { ...http, attempt }));
  }

  /** Spoils the next call of this method. */
  spoilNext(wanted, how) {
    let left = 1;
    this.spoil = (method) => (method === wanted && left-- > 0 ? how : null);
  }

  /** Carries out `first` before the next call of this method, and `then` after it; calls that follow pass. */
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
