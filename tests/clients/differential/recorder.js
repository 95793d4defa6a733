// Records commands. Each goes to the native core, which reaches the local chain through a tape.

import assert from 'node:assert/strict';
import { createHash, webcrypto } from 'node:crypto';
import { Chain } from '../harness/chain.js';
import { MERCHANT } from '../harness/config.js';
import { Native } from './native.js';
import { Recording } from './rpc.js';
import { ORIGIN, START, feePayer } from './setup.js';

/** Makes the clients' random bytes the same in every run from now on. */
function drawnInTurn() {
  let drawn = 0;
  webcrypto.getRandomValues = (array) => {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    for (let at = 0; at < bytes.length; at += 32) {
      bytes.set(createHash('sha256').update(`drawn ${drawn++}`).digest().subarray(0, bytes.length - at), at);
    }
    return array;
  };
}

export class Recorder {
  now = START;
  recorded = [];

  /** `funds` is USDC by address. */
  static async start(funds) {
    drawnInTurn();
    const recorder = new Recorder();
    // The chain adds blocks only when it is asked to, so that a recording does not depend on how long it takes.
    const options = ['--block-ms', '0', '--seed', 'differential'];
    recorder.chain = await Chain.start({ [feePayer.address]: 0, [MERCHANT]: 0, ...funds }, options);
    recorder.tape = await new Recording(recorder.chain.url).listen();
    recorder.native = await new Native().start(recorder.tape.url);
    return recorder;
  }

  async stop() {
    await this.native?.dispose();
    this.tape?.stop();
    await this.chain?.stop();
  }

  /** Lets time pass, in milliseconds. */
  pass(ms) {
    this.now += ms;
  }

  /**
   * Gives a command one second after the last one. `expected` is the status, or the status and the code, for which it
   * is recorded (null: any). `spoil` tells the RPC what to answer (`rpc.js`).
   */
  async ask(name, method, path, { headers = {}, body, expected = 200, spoil } = {}) {
    this.pass(1_000);
    const command = { name, now: this.now, seed: String(this.recorded.length), method, path, headers, ...(body && { body }) };
    this.tape.begin(spoil);
    const answer = await this.native.ask(command);
    this.recorded.push({ command, rpc: this.tape.calls, answer });
    const text = answer.body;
    const response = new Response([101, 204, 304].includes(answer.status) ? null : text, answer);
    const [status, code] = [expected ?? answer.status].flat();
    const seen = `${name}: ${answer.status} ${text}\n${this.native.log}`;
    assert.equal(answer.status, status, seen);
    if (code) assert.ok(text.includes(`"${code}"`), seen);
    return { response, headers: response.headers, text, json: () => JSON.parse(text) };
  }

  /** Returns a `fetch` for client libraries. */
  fetch(name, more) {
    return async (input, init) => {
      const request = new Request(input, init);
      const body = await request.text();
      const path = request.url.slice(ORIGIN.length);
      const headers = Object.fromEntries(request.headers);
      const expected = 'payment-signature' in headers || 'x-payment' in headers ? 200 : 402;
      return (await this.ask(name, request.method, path, { headers, body, expected, ...more })).response;
    };
  }

  /** Ends the core, and returns what it has kept. */
  async kept() {
    await this.native.stop();
    return this.native.kept();
  }
}
