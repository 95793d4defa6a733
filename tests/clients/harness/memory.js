// How much memory a program uses.

import { readFileSync } from 'node:fs';

/** Returns what a running program has in memory now, in bytes. Linux only. */
export function resident({ pid }) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)[1]) * 1024;
}
