import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import test from 'node:test';
import { load } from './load.mjs';

const { textsOf } = await load('strings');

const folder = new URL('../locales/', import.meta.url);
const locales = readdirSync(folder).map((name) => [name, JSON.parse(readFileSync(new URL(name, folder), 'utf8'))]);
const english = Object.fromEntries(locales)['en.json'];
const placeholders = (text) => [...text.matchAll(/\{\w+\}/g)].map(([name]) => name).sort();
const source = (() => {
  const scripts = new URL('../script/', import.meta.url);
  return readdirSync(scripts).map((name) => readFileSync(new URL(name, scripts), 'utf8')).join('\n');
})();

test('all languages have the same keys in the same order', () => {
  assert.deepEqual(locales.map(([name]) => name).sort(), ['de.json', 'en.json', 'es.json']);
  for (const [name, texts] of locales) assert.deepEqual(Object.keys(texts), Object.keys(english), name);
});

test('all languages have the same placeholders', () => {
  for (const [name, texts] of locales) {
    for (const [key, text] of Object.entries(texts)) {
      assert.deepEqual(placeholders(text), placeholders(english[key]), `${name}: ${key}`);
    }
  }
});

test('no text is empty, has markup, or has white space at its ends', () => {
  for (const [name, texts] of locales) {
    for (const [key, text] of Object.entries(texts)) {
      assert.equal(text, text.trim(), `${name}: ${key}`);
      assert.ok(text !== '' && !/[<>&]/.test(text), `${name}: ${key}`);
    }
  }
});

test('every plural has the forms of its language', () => {
  for (const [name, texts] of locales) {
    const forms = new Intl.PluralRules(name.slice(0, 2)).resolvedOptions().pluralCategories.filter((form) => form !== 'many');
    const stems = Object.keys(texts).filter((key) => key.endsWith('.other') && `${key.slice(0, -6)}.one` in texts);
    for (const key of stems) for (const form of forms) assert.ok(`${key.slice(0, -5)}${form}` in texts, `${name}: ${key}`);
  }
});

test('an error says that nothing was paid, and a doubt never does', () => {
  for (const [key, text] of Object.entries(english)) {
    if (key.startsWith('error.')) assert.match(text, /[Nn]othing was paid/, key);
    if (/^(unsure|fault|payment)\./.test(key) && !/forget|checking/.test(key)) assert.doesNotMatch(text, /nothing was paid/i, key);
  }
});

test('each text that the script names exists', () => {
  const named = [...source.matchAll(/\bt\('([\w.]+)'/g)].map(([, key]) => key);
  assert.ok(named.length > 40);
  for (const key of named) assert.ok(key in english, key);
  for (const [, stem] of source.matchAll(/t\.count\('([\w.]+)'/g)) assert.ok(`${stem}.other` in english, stem);
});

test('each text of the script is used by it', () => {
  const stems = [...source.matchAll(/[`']([a-z_]+(?:\.[a-z_]+)*)\.?(?:\$\{|['`])/g)].map(([, stem]) => stem);
  const dynamic = ['error', 'unsure', 'fault'];
  for (const key of Object.keys(english).filter((name) => !name.startsWith('page.'))) {
    const used = [...stems, ...dynamic].some((stem) => key === stem || key.startsWith(`${stem}.`));
    assert.ok(used, key);
  }
});

test('placeholders are filled, and unknown ones and keys stay visible', () => {
  const t = textsOf('en', { a: 'You have {count} of {all}.', 'n.one': '{count} day', 'n.other': '{count} days' });
  assert.equal(t('a', { count: 1, all: 2 }), 'You have 1 of 2.');
  assert.equal(t('a', { count: 0 }), 'You have 0 of {all}.');
  assert.equal(t('missing'), 'missing');
  assert.equal(t.count('n', 1), '1 day');
  assert.equal(t.count('n', 1200), '1,200 days');
  assert.equal(t('a', { count: '{all}', all: '$&' }), 'You have {all} of $&.');
});

test('a language without a form of its own uses the general one', () => {
  assert.equal(textsOf('es', { 'n.one': '{count} día', 'n.other': '{count} días' }).count('n', 1_000_000), '1.000.000 días');
});
