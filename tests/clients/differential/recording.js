// The recording has one line of JSON for each item: each call of the RPC with its answer, each command with the numbers
// of its calls and its answer, and at the end the rows that were kept.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FILE = fileURLToPath(new URL('recording.jsonl', import.meta.url));

/**
 * The tables that are the same everywhere: what happened, the state, and the indexes. `failure` is left out, because
 * each platform may forget entries of it after an hour. So is what is in flight: its keys differ, and by then nothing is.
 */
const TABLES = ['journal', 'head', 'payment', 'session', 'catalogue', 'trust', 'fee_budget'];

/** Returns the rows of these tables, in a sorted order. */
export const rowsOf = (tables, names = TABLES) =>
  names.flatMap((table) => (tables[table] ?? []).map((row) => JSON.stringify({ table, row })).sort()).map((line) => JSON.parse(line));

const base64 = (text) => Buffer.from(text).toString('base64');

/** Returns a header's value as it is written. JSON in base64 becomes readable. */
function written(value) {
  const text = Buffer.from(String(value), 'base64').toString();
  return text.startsWith('{') && base64(text) === value ? { base64: text } : value;
}
const sent = (value) => (typeof value === 'object' && 'base64' in value ? base64(value.base64) : value);

const mapped = (headers, change) => Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, change(value)]));
const paired = (headers, change) => headers.map(([name, value]) => [name, change(value)]);

/** Writes the recording. `recorded` are commands, each with its calls and its answer, and `kept` are tables. */
export function write({ recorded, kept }) {
  const [lines, said] = [[], new Map()];
  const numberOf = (call) => {
    const text = JSON.stringify({ rpc: call });
    if (!said.has(text)) {
      said.set(text, said.size);
      lines.push(text);
    }
    return said.get(text);
  };
  for (const { command, rpc, answer } of recorded) {
    const line = {
      command: { ...command, headers: mapped(command.headers, written) },
      calls: rpc.map(numberOf),
      answer: { ...answer, headers: paired(answer.headers, written) },
    };
    lines.push(JSON.stringify(line));
  }
  lines.push(...rowsOf(kept).map((row) => JSON.stringify(row)));
  writeFileSync(FILE, lines.map((line) => `${line}\n`).join(''));
}

/** Reads the recording: the commands as they were given to `write`, and the rows. */
export function read() {
  const lines = readFileSync(FILE, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
  const said = lines.filter((line) => 'rpc' in line).map(({ rpc }) => rpc);
  const recorded = lines.filter((line) => 'command' in line).map(({ command, calls, answer }) => ({
    command: { ...command, headers: mapped(command.headers, sent) },
    rpc: calls.map((number) => said[number]),
    answer: { ...answer, headers: paired(answer.headers, sent) },
  }));
  return { recorded, rows: lines.filter((line) => 'table' in line) };
}
