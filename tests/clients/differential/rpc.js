// The RPC of a gateway: during the recording it is the chain with a tape, and afterwards only the tape.

import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { same } from './values.js';

const HEADERS = { 'content-type': 'application/json' };
const wrong = (message) => JSON.stringify({ jsonrpc: '2.0', id: 1, error: { code: -32000, message } });

class Node {
  async listen() {
    this.server = createServer(async (request, response) => {
      try {
        response.writeHead(200, HEADERS).end(await this.answer(await text(request)));
      } catch {
        request.socket.destroy(); // one of the two ends is gone
      }
    });
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** Passes calls on to the chain, and keeps the answers. */
export class Recording extends Node {
  constructor(upstream) {
    super();
    Object.assign(this, { upstream, calls: [] });
  }

  /** Answers calls with `spoil(method, pass)` from now on. `pass` returns the chain's answer. */
  begin(spoil = (_, pass) => pass()) {
    Object.assign(this, { calls: [], spoil });
  }

  async answer(question) {
    const pass = async () => (await fetch(this.upstream, { method: 'POST', headers: HEADERS, body: question })).text();
    const answer = await this.spoil(JSON.parse(question).method, pass);
    this.calls.push([question, answer]);
    return answer;
  }
}

/** Answers the calls of a command as during the recording, if they are the same calls. */
export class Playing extends Node {
  constructor() {
    super();
    this.begin([]);
  }

  begin(calls) {
    Object.assign(this, { calls, asked: [] });
  }

  async answer(question) {
    // The host itself asks which network it is on, and for the latest blockhash.
    const { method, params } = JSON.parse(question);
    const isPoll = method === 'getLatestBlockhash' && params[0].minContextSlot === undefined;
    if (method === 'getGenesisHash' || isPoll) return wrong('not on the tape');
    const [expected, answer] = this.calls[this.asked.length] ?? [];
    this.asked.push(question);
    return expected !== undefined && same(question, expected) ? answer : wrong('not on the tape');
  }
}
