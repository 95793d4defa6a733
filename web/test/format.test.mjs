import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { load } from './load.mjs';

const { money, sum } = await load('money');
const { countdown, duration, exactly, timeOfDay } = await load('time');
const { markOf } = await load('announce');
const { quantityOf } = await load('order');
const { quantified } = await load('model');
const { textsOf } = await load('strings');

const plain = (text) => text.replace(/\u00a0/g, ' ');

test('amounts are shown exactly, as the language writes them', () => {
  assert.equal(plain(money('0.01 USDC', 'en')), '0.01 USDC');
  assert.equal(plain(money('0.01 USDC', 'de')), '0,01 USDC');
  assert.equal(plain(money('12345.50 USDC', 'de')), '12.345,50 USDC');
  assert.equal(plain(money('12345.50 USDC', 'es')), '12.345,50 USDC');
  assert.equal(plain(money('18446744073709551615.000001 USDC', 'en')), '18,446,744,073,709,551,615.000001 USDC');
  assert.equal(money('3', 'en'), '3');
  assert.equal(money('0.10', 'en'), '0.10');
});

test('what is no amount is shown as it came', () => {
  for (const text of ['', 'free', '1,5 USDC', '-1 USDC', '.5 USDC', '1e3 USDC']) assert.equal(money(text, 'de'), text);
});

test('a quantity is told in the longest unit that needs no fraction', () => {
  const texts = JSON.parse(readFileSync(new URL('../locales/en.json', import.meta.url), 'utf8'));
  const told = (unit, quantity) => quantified({ t: textsOf('en', texts), world: { asset: { tariff: { unit } } } }, quantity);
  assert.deepEqual([1, 59, 60, 90, 300, 3_600, 5_400].map((n) => told('second', n)), [
    '1 second', '59 seconds', '1 minute', '90 seconds', '5 minutes', '1 hour', '90 minutes',
  ]);
  assert.deepEqual([told('minute', 120), told('hour', 60), told('day', 60), told('session', 60)], ['2 hours', '60 hours', '60 days', '60 sessions']);
});

test('amounts of one token are added exactly', () => {
  assert.equal(sum(['0.01 USDC', '0.03 USDC']), '0.04 USDC');
  assert.equal(sum(['0.5 USDC', '0.000001 USDC', '3 USDC']), '3.500001 USDC');
  assert.equal(sum(['0.99 USDC', '0.01 USDC']), '1.00 USDC');
  assert.equal(sum(['2 SEAT', '3 SEAT']), '5 SEAT');
  assert.equal(sum(['18446744073709551615.000001 USDC', '0.000001 USDC']), '18446744073709551615.000002 USDC');
  for (const displays of [['0.01 USDC', '0.01 EURC'], ['1', '2'], ['free'], []]) assert.equal(sum(displays), null);
});

test('a countdown counts begun seconds and never below zero', () => {
  const digits = (ms) => countdown(ms).digits;
  assert.equal(digits(0), '0:00');
  assert.equal(digits(-5), '0:00');
  assert.equal(digits(1), '0:01');
  assert.equal(digits(59_001), '1:00');
  assert.equal(digits(605_000), '10:05');
  assert.equal(digits(3_600_000), '1:00:00');
  assert.deepEqual(countdown(90_061_000), { days: 1, digits: '1:01:01' });
  assert.deepEqual(countdown(86_400_000), { days: 1, digits: '0:00:00' });
  assert.equal(duration(4_001), 'PT5S');
});

test('a time of another day has its date', () => {
  const now = new Date(2026, 10, 30, 10, 0).getTime();
  assert.equal(timeOfDay(new Date(2026, 10, 30, 14, 20).getTime(), now, 'de'), '14:20');
  assert.match(timeOfDay(new Date(2026, 11, 1, 14, 20).getTime(), now, 'de'), /1\. Dez\..* 14:20/);
  assert.match(exactly(now, 'en'), /Nov 30, 2026/);
});

test('three moments of the countdown are said: five minutes, one minute, the end', () => {
  assert.equal(markOf(null), null);
  assert.equal(markOf(300_001), null);
  assert.equal(markOf(300_000), 5);
  assert.equal(markOf(60_001), 5);
  assert.equal(markOf(60_000), 1);
  assert.equal(markOf(1), 1);
  assert.equal(markOf(0), 0);
});

test('a quantity is a whole number within the bounds', () => {
  assert.equal(quantityOf('10', 1, 60), 10);
  assert.equal(quantityOf(' 60 ', 1, 60), 60);
  for (const text of ['', '0', '61', '-1', '1.5', '1e1', 'ten', '99999999999999999999']) {
    assert.equal(quantityOf(text, 1, 60), null, text);
  }
});
