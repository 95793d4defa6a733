// Child processes. Their output is kept, and none outlives this process.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import './connections.js';
import { until, withDeadline } from './wait.js';

const running = new Set();

process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));

/** A started program. `log` is what it has written to both outputs so far. */
export class Program {
  constructor(name, binary, args, options = {}) {
    if (!existsSync(binary)) throw new Error(`${name}: there is no ${binary}; build it first`);
    this.name = name;
    this.log = '';
    this.child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    running.add(this.child);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (this.log += text));
    }
    this.exited = new Promise((resolve) => {
      this.child.once('error', (error) => {
        this.log += `${error}\n`;
        running.delete(this.child);
        resolve({ code: null, signal: null });
      });
      this.child.once('close', (code, signal) => {
        running.delete(this.child);
        resolve({ code, signal });
      });
    });
    this.exited.then((outcome) => (this.outcome = outcome));
  }

  /** Waits for a condition that only makes sense while the program runs. */
  async until(what, condition, options) {
    return until(`${this.name}: ${what}`, async () => {
      if (this.outcome) {
        throw new Error(`${this.name} ended early (${JSON.stringify(this.outcome)}):\n${this.log}`);
      }
      return condition();
    }, options);
  }

  /** Asks it to end, and returns how it ended. A program that does not end is killed and reported. */
  async stop(within = 15_000) {
    if (this.outcome) return this.outcome;
    this.child.kill('SIGTERM');
    try {
      return await withDeadline(`${this.name}: ending after SIGTERM`, this.exited, within);
    } catch (error) {
      await this.kill();
      throw error;
    }
  }

  async kill() {
    this.child.kill('SIGKILL');
    return this.exited;
  }
}
