// The core as a native program (tests/differential), which also reads databases.

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { answer, bodyOf, told } from './exchange.js';
import { SECRET, config, feePayer } from './setup.js';

const BINARY =
  process.env.COINOP_NATIVE_BIN ??
  fileURLToPath(new URL('../../../target/release/coinop-native', import.meta.url));

/** Returns the rows of all tables of a database, by the tables' names. */
export function tables(file) {
  const found = {};
  const lines = execFileSync(BINARY, ['tables', file], { encoding: 'utf8', maxBuffer: 1 << 28 }).split('\n');
  for (const [name, ...row] of lines.filter((line) => line !== '').map((line) => JSON.parse(line))) {
    (found[name] ??= []).push(row);
  }
  return found;
}

export class Native {
  name = 'the native core';

  async start(rpcUrl) {
    this.folder = mkdtempSync(join(tmpdir(), 'coinop-native-'));
    this.database = join(this.folder, 'coinop.db');
    const env = {
      ...process.env,
      COINOP_CONFIG: JSON.stringify(config(rpcUrl)),
      COINOP_SECRET: SECRET,
      COINOP_FEE_PAYER: JSON.stringify([...feePayer.secret]),
    };
    this.log = '';
    this.child = spawn(BINARY, ['serve', this.database], { env });
    this.child.stderr.setEncoding('utf8').on('data', (text) => (this.log += text));
    this.ended = new Promise((resolve) => this.child.once('error', resolve).once('close', resolve));
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
    return this;
  }

  keepsAnswerTo() {
    return false;
  }

  async ask(command) {
    const [path, ...query] = command.path.split('?');
    const flat = Object.entries({ ...command.headers, ...told(command) });
    const headers = flat.flatMap(([name, values]) => [values].flat().map((value) => [name.toLowerCase(), value]));
    const line = { method: command.method, path, query: query.length > 0 ? query.join('?') : null, headers, body: bodyOf(command).toString('base64') };
    this.child.stdin.write(`${JSON.stringify(line)}\n`);
    const { value, done } = await this.lines.next();
    if (done) throw new Error(`${this.name} ended: ${this.log}`);
    const { status, headers: sent, body } = JSON.parse(value);
    return answer(command.method, status, sent, Buffer.from(body, 'base64'));
  }

  /** Ends it. What it has kept stays until `dispose`. */
  async stop() {
    this.child.stdin.end();
    await this.ended;
  }

  /** Returns what it has kept, by the tables' names. */
  kept() {
    return { tables: tables(this.database), copies: {} };
  }

  async dispose() {
    this.child?.kill('SIGKILL');
    await this.ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
