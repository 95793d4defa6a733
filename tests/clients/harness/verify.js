// A device's owner checks a grant without a network: `coinop verify`.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Program } from './process.js';
import { BINARY } from './targets/serve.js';

/** Runs `coinop verify` on a text with the gateway's published keys. Returns `{code, log}`. */
export async function verify(text, keys) {
  const folder = await mkdtemp(join(tmpdir(), 'coinop-verify-'));
  try {
    await writeFile(join(folder, 'grant'), text);
    await writeFile(join(folder, 'jwks.json'), JSON.stringify(keys));
    const program = new Program('verify', BINARY, ['verify', 'grant', '--jwks', 'jwks.json'], { cwd: folder });
    return { ...(await program.exited), log: program.log };
  } finally {
    await rm(folder, { recursive: true });
  }
}
