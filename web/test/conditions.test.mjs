import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { load } from './load.mjs';

const { conditionOf } = await load('state_line');
const cases = JSON.parse(readFileSync(new URL('conditions.json', import.meta.url), 'utf8'));

test('the script and the server say the same of whether an asset can be had', () => {
  assert.ok(cases.length > 10);
  for (const { asset, status, condition } of cases) {
    assert.equal(conditionOf(asset, status, false), condition, JSON.stringify([asset, status]));
    assert.equal(conditionOf(asset, status, true), 'unreachable');
  }
});
