// The RPC gives only unreadable answers: unknown is not failed, before money moves and after.

import assert from 'node:assert/strict';
import { perMinute, simulated } from '../harness/config.js';
import { packed, readable, times, unreadable } from '../harness/lies.js';
import { sideBySide } from '../harness/play.js';
import { target } from '../harness/targets/index.js';
import { world } from '../harness/world.js';

// The calls that get such an answer before the payment is sent.
const FIRST = ['isBlockhashValid', 'simulateTransaction'];
// The calls that get one afterwards. Each gets it once, so that the truth comes out while the buyer waits.
const THEN = ['sendTransaction', 'getSignatureStatuses', 'getTransaction'];

const bad = Object.entries({ ...unreadable, ...(!target.can.unpacks && packed) }).map(([way, lie], n) => ({
  id: `bad-${n}`,
  name: `${way}: unavailable and uncharged; the same payment is good afterwards, and charged once whatever else is answered so (inv. 1, 2, 3, 9)`,
  lies: {
    before: { [FIRST[n % FIRST.length]]: lie },
    after: Object.fromEntries(THEN.map((method) => [method, times(1, lie)])),
  },
  async play(attempt) {
    await attempt.isUnavailable(await attempt.send());
    attempt.before = {};
    await attempt.isGranted(await attempt.send());
    assert.ok(attempt.counts.getTransaction >= 2, `${attempt} was shown the payment twice: the first time unreadably`);
  },
}));

// workerd may send its next call on a connection that was just cut, and does not send it again. Then the buyer is told
// to try again, which other tests cover.
const CUT = 'the connection is cut after the body';
const { [CUT]: cut, ...whole } = readable;
const readably = { ...whole, ...(target.can.program && { [CUT]: cut }), ...(target.can.unpacks && packed) };

const odd = Object.entries(readably).map(([way, lie], n) => ({
  id: `odd-${n}`,
  name: `${way}: it can be read all the same; charged once and granted (inv. 1, 2)`,
  lies: { before: { any: lie }, after: { any: lie } },
  // A call has five seconds. Where one event loop tells thirty lies at once, one may take longer: 503, and sent again.
  play: async (attempt) => attempt.isGranted(await attempt.known()),
}));

const scenes = [...bad, ...odd];
const w = world({ assets: scenes.map(({ id }) => simulated(perMinute(id))), buyers: scenes.length });

sideBySide(w, scenes);
