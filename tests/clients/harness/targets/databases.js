// Reads folders of SQLite databases while others have them open: each database together with its write-ahead log. A
// checkpoint, which may come at any moment, does not change what is stored.

import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { join } from 'node:path';
import { until } from '../wait.js';

const [WAL_HEADER, FRAME_HEADER] = [32, 24];
/** Where page 1 holds the number of tables, indexes and the like, if they fit on it. */
const SCHEMA_CELLS = 103;

const orNothing = (reading) => reading.catch((error) => {
  if (error.code === 'ENOENT') return Buffer.alloc(0);
  throw error;
});

/** Returns the pages of a database: its file, with what its log has committed over it. */
function pagesOf(file, log) {
  const pages = [];
  const size = (file.length ? file.readUInt16BE(16) : log.length && log.readUInt32BE(8)) || 65_536;
  const page = size === 1 ? 65_536 : size;
  for (let at = 0; at < file.length; at += page) pages.push(file.subarray(at, at + page));
  const salt = log.subarray(16, 24);
  let written = [];
  for (let at = WAL_HEADER; at + FRAME_HEADER + page <= log.length; at += FRAME_HEADER + page) {
    if (!log.subarray(at + 8, at + 16).equals(salt)) break;
    written.push([log.readUInt32BE(at) - 1, log.subarray(at + FRAME_HEADER, at + FRAME_HEADER + page)]);
    const length = log.readUInt32BE(at + 4);
    if (length === 0) continue;
    for (const [index, bytes] of written) pages[index] = bytes;
    pages.length = length;
    written = [];
  }
  return pages;
}

/** Returns what to compare of one file, or null if it holds nothing. */
async function contentOf(folder, name) {
  const file = await orNothing(readFile(join(folder, name)));
  if (!name.endsWith('.sqlite')) return { name, size: file.length, sha256: createHash('sha256').update(file).digest('hex') };
  const pages = pagesOf(file, await orNothing(readFile(join(folder, `${name}-wal`))));
  if (pages.length === 0 || (pages.length === 1 && pages[0].readUInt16BE(SCHEMA_CELLS) === 0)) return null;
  const sha256 = createHash('sha256');
  for (const page of pages) sha256.update(page);
  return { name, size: pages.length * pages[0].length, sha256: sha256.digest('hex') };
}

async function read(folder) {
  const all = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = all.filter((entry) => entry.isFile() && !/-(wal|shm)$/.test(entry.name));
  const names = files.map((entry) => join(entry.path, entry.name).slice(folder.length + 1)).sort();
  return (await Promise.all(names.map((name) => contentOf(folder, name)))).filter(Boolean);
}

/**
 * Returns what the files of a folder hold: `{name, size, sha256}` of each that holds anything. Two readings must agree.
 */
export async function contents(folder) {
  let last;
  return until(`${folder} is read without anything being written meanwhile`, async () => {
    const before = last;
    last = await read(folder);
    return isDeepStrictEqual(before, last) && last;
  });
}

export const sizes = (files) => files.map(({ name, size }) => [name, size]);

export const digest = (files) => createHash('sha256').update(JSON.stringify(files)).digest('hex');
