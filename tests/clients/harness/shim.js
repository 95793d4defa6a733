// A gateway whose clock and disk a test can spoil: see shim.c.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { skipped } from './targets/index.js';

/** The reason why there is no shim here, or false. */
export const unavailable =
  (process.platform !== 'linux' && 'LD_PRELOAD of this kind is Linux only') || skipped('program');

let library;
/** Compiles the shim, once for each test file. */
function compiled() {
  if (!library) {
    const folder = mkdtempSync(join(tmpdir(), 'coinop-shim-'));
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    library = join(folder, 'shim.so');
    const source = fileURLToPath(new URL('./shim.c', import.meta.url));
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-Werror', '-o', library, source]);
  }
  return library;
}

/** The shim of one gateway. */
export class Shim {
  constructor(gateway) {
    this.folder = join(gateway.folder, 'coinop-data');
    this.log = join(gateway.folder, 'shim.log');
    const control = join(gateway.folder, 'shim.control');
    writeFileSync(control, ' '.repeat(64));
    this.control = openSync(control, 'r+');
    this.state = { seconds: 0, disk: 'fine' };
    this.#tell();
    /** How a gateway is started with the shim. */
    this.how = { env: { LD_PRELOAD: compiled(), SHIM_CONTROL: control, SHIM_FOLDER: this.folder, SHIM_LOG: this.log } };
  }

  /** Sets the system's clock to this many seconds ahead of the true one. */
  clock(seconds) {
    this.state.seconds = seconds;
    this.#tell();
  }

  /** Sets the state of the disk: `fine`, `full`, `readonly` or `unsynced`. */
  disk(mode) {
    this.state.disk = mode;
    this.#tell();
  }

  /** Returns the faults so far, as `call ERROR`. */
  faults() {
    return existsSync(this.log) ? readFileSync(this.log, 'utf8').trim().split('\n') : [];
  }

  // Written in one piece and always the same length, because it may be read at any moment.
  #tell() {
    writeSync(this.control, `${this.state.seconds} ${this.state.disk}`.padEnd(64), 0);
  }
}
