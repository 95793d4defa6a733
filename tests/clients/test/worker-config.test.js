// The repository's wrangler.toml starts a worker that sells. Other configurations are refused.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { configuration, door1 } from '../harness/config.js';
import { newWallet } from '../harness/keys.js';
import { CATALOGUE, OBJECTS, RATE_LIMIT, compatibilityDate } from '../harness/targets/deployed.js';
import { target } from '../harness/targets/index.js';
import { until } from '../harness/wait.js';

const file = readFileSync(new URL('../../../wrangler.toml', import.meta.url), 'utf8');
const skip = target.name === 'workerd' ? false : `${target.name} does not read wrangler.toml`;

test('wrangler.toml: its configuration, unchanged, answers a 402 for its asset', { skip }, async () => {
  const [, json] = /^COINOP_CONFIG = '''\n(.*?)^'''$/ms.exec(file);
  const config = JSON.parse(json);
  const gateway = await target.start(config, await newWallet());
  try {
    const [asset] = config.asset;
    const answer = await fetch(`${gateway.url}/api/v1/access/${asset.id}`);
    assert.equal(answer.status, 402, gateway.logs);
    assert.equal((await answer.json()).accepts[0].payTo, config.merchant.pay_to);
  } finally {
    await gateway.dispose();
  }
});

test('an asset with a device is not sold by a worker, and the log says which it is (inv. 2)', { skip }, async () => {
  const assets = [{ id: 'room-1', price: '0.01', unit: 'minute' }, door1];
  const gateway = await target.start(configuration({ rpcUrl: 'http://127.0.0.1:9', assets }), await newWallet(), { devices: true });
  try {
    for (const path of ['/api/v1/access/door-1', '/api/v1/access/room-1', '/ready']) {
      const answer = await fetch(`${gateway.url}${path}`);
      assert.deepEqual([answer.status, (await answer.json()).code], [503, 'unavailable'], path);
    }
    const said =
      'COINOP_CONFIG: asset[1].device: Workers and Spin cannot control devices; ' +
      'remove `device` from this asset, or run `coinop serve` beside the device';
    await until('the log says why', () => gateway.logs.includes(said));
  } finally {
    await gateway.dispose();
  }
});

test('wrangler.toml: the objects, the catalogue and the limit are bound by the names that the tests bind them by', { skip }, () => {
  const bound = [...file.matchAll(/\{ name = "(\w+)", class_name = "(\w+)" \}/g)].map(([, name, of]) => [name, of]);
  assert.deepEqual(Object.fromEntries(bound), OBJECTS);
  const [, classes] = /^new_sqlite_classes = \[(.*)\]$/m.exec(file);
  assert.deepEqual(classes.match(/\w+/g).sort(), Object.values(OBJECTS).sort());
  assert.ok(file.includes(`binding = "${CATALOGUE}"`));
  assert.match(file, new RegExp(`^\\[\\[ratelimits\\]\\]\nname = "${RATE_LIMIT}"\n`, 'm'));
  // The refusal names the period.
  const [, period] = /const PERIOD_S: u64 = (\d+);/.exec(readFileSync(new URL('../../../worker/src/limit.rs', import.meta.url), 'utf8'));
  assert.match(file, new RegExp(`^simple = \\{ limit = \\d+, period = ${period} \\}$`, 'm'));
  assert.ok(file.includes(`compatibility_date = "${compatibilityDate}"`));
});
