// Damages a journal that no process has open: SQLite's file and its write-ahead log.

import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FILES = ['coinop.db', 'coinop.db-wal', 'coinop.db-shm'];
const [WAL_HEADER, FRAME_HEADER] = [32, 24];

/** A copy of a data folder's journal. */
export class Journal {
  constructor(folder) {
    this.folder = folder;
    this.kept = new Map(FILES.filter((name) => existsSync(join(folder, name))).map((name) => [name, readFileSync(join(folder, name))]));
  }

  file(name) {
    return join(this.folder, name);
  }

  /** Restores the journal as it was copied. */
  restore() {
    for (const name of FILES) rmSync(this.file(name), { force: true });
    for (const [name, bytes] of this.kept) writeFileSync(this.file(name), bytes);
  }

  /** Restores the journal with the log's pages in the main file and without the log, as after a checkpoint. */
  restoreWithoutLog() {
    this.restore();
    const log = this.kept.get('coinop.db-wal');
    const page = log.readUInt32BE(8);
    const salt = log.subarray(16, 24);
    const main = [];
    for (let at = WAL_HEADER; at + FRAME_HEADER + page <= log.length; at += FRAME_HEADER + page) {
      if (!log.subarray(at + 8, at + 16).equals(salt)) break;
      main[log.readUInt32BE(at) - 1] = log.subarray(at + FRAME_HEADER, at + FRAME_HEADER + page);
    }
    writeFileSync(this.file('coinop.db'), Buffer.concat(main));
    for (const name of FILES.slice(1)) rmSync(this.file(name), { force: true });
    return main.length * page;
  }

  cut(name, bytes) {
    truncateSync(this.file(name), bytes);
  }

  /** Overwrites a part with meaningless bytes. */
  scribble(name, from, length) {
    const bytes = readFileSync(this.file(name));
    bytes.fill(0xa5, from, from + length);
    writeFileSync(this.file(name), bytes);
  }
}
