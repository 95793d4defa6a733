// A start that fails says why in one line, and leaves no device open that stood open.

import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { perSecond } from '../harness/config.js';
import { closesOnTime } from '../harness/device.js';
import { time } from '../harness/expect.js';
import { world } from '../harness/spoiled.js';

const spoiled = world([perSecond('gate'), perSecond('hatch')]);

const edit = async (it, name, change) => {
  const file = join(it.gateway.folder, name);
  const text = await readFile(file, 'utf8');
  const changed = change(text);
  assert.notEqual(changed, text);
  await writeFile(file, changed);
};

const ways = {
  'a mistake in the configuration': (it) => edit(it, 'coinop.toml', (text) => text.replace('price = "0.001"', 'price = "a lot"')),
  'a key that is not known': (it) => edit(it, 'coinop.toml', (text) => `lisen = "x"\n${text}`),
  'no fee payer': (it) => rm(join(it.gateway.folder, 'fee-payer.json')),
  'a spoiled secret': (it) => edit(it, 'coinop-data/secret', () => 'short'),
  'a file in the place of the data folder': (it) => edit(it, 'coinop.toml', (text) => text.replace('./coinop-data', './fee-payer.json')),
  async 'a port that somebody else has'(it) {
    const server = createServer((socket) => socket.destroy());
    await new Promise((resolve) => server.listen(Number(new URL(it.gateway.url).port), '127.0.0.1', resolve));
    it.after = () => server.close();
  },
};

for (const [what, spoil] of Object.entries(ways)) {
  spoiled(`${what}: the start is refused in a line, and what stood open is locked within a second (inv. 4)`, async (it, t) => {
    await it.gateway.kill();
    await spoil(it);
    await writeFile(join(it.gateway.folder, 'gate.open'), '');
    await writeFile(join(it.gateway.folder, 'hatch.open'), '');
    try {
      const why = await it.startsOrLocks('gate.open');
      assert.ok(why, 'it starts, so this shows nothing');
      t.diagnostic(why);
      assert.ok(!it.gateway.isOpen('hatch.open'), 'every device is locked');
    } finally {
      it.after?.();
    }
  });
}

spoiled('a second start beside one that runs is refused, also with a mistake in its configuration, and locks nothing that is paid for (inv. 2)', async (it) => {
  const session = await it.bought('gate', 3);
  const running = it.gateway.program;
  for (const spoil of [() => {}, ways['a mistake in the configuration']]) {
    await spoil(it);
    const second = it.gateway.launch();
    assert.deepEqual(await second.exited, { code: 1, signal: null });
    assert.doesNotMatch(second.log, /locked/);
    assert.ok(it.gateway.isOpen('gate.open'), 'the session goes on');
  }
  it.gateway.program = running;
  await closesOnTime(it.gateway, 'gate.open', time(session.endsAt));
});
