// Builds `dist/static`: the script and the style of the pages, with content hashes in their names.
//
// `--check` builds into memory, and fails if `dist/static` holds anything else, or if a file is over its limit.

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { minify } from 'terser';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const STATIC = at('dist/static/');
/**
 * Terser calls these unsafe. Here they are safe: no function uses `this`, reading a property has no effect, and nobody has
 * replaced `String` or `Error`.
 */
const UNSAFE = { pure_getters: true, unsafe: true, unsafe_arrows: true, unsafe_methods: true };
const COMPRESS = { passes: 3, inline: 1, lhs_constants: false, ...UNSAFE };
/** Names of properties that are the script's own: no answer of the API has one. What is kept in the browser is left as is. */
const OWN = /^((is|has|may)[A-Z].*|dispatch|doubtUntil|flow|notice|offer|phase|refusal|saved|world)$/;
const MANGLE = { properties: { regex: OWN, reserved: ['isLinked'] } };
const PARTS = [
  { name: 'buyer', entry: 'script/buyer.ts', extension: 'js', limit: 15 * 1024 },
  { name: 'kiosk', entry: 'script/kiosk.ts', extension: 'js', limit: 4 * 1024 },
  { name: 'page', entry: 'style/page.css', extension: 'css', limit: 6 * 1024 },
];

/** Returns the content of a part, minified. Scripts are minified by esbuild and terser, whose work together is the smallest. */
async function content({ entry, extension }) {
  const { outputFiles } = await build({
    absWorkingDir: at('.'),
    entryPoints: [entry],
    bundle: true,
    charset: 'utf8',
    format: 'esm',
    legalComments: 'none',
    logLevel: 'error',
    minify: extension === 'css',
    minifySyntax: true,
    platform: 'browser',
    target: 'es2021',
    write: false,
  });
  const text = outputFiles[0].text;
  if (extension === 'css') return Buffer.from(text);
  const { code } = await minify(text, { ecma: 2020, module: true, compress: COMPRESS, mangle: MANGLE });
  return Buffer.from(code);
}

/** Returns the built files by name, and what is wrong with their sizes. */
async function built() {
  const files = new Map();
  const faults = [];
  for (const part of PARTS) {
    const bytes = await content(part);
    const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 8);
    const name = `${part.name}-${hash}.${part.extension}`;
    files.set(name, bytes);
    const size = gzipSync(bytes, { level: 9 }).length;
    const facts = `${name}: ${bytes.length} bytes, ${size} with gzip, of at most ${part.limit}`;
    console.log(facts);
    if (size > part.limit) faults.push(`${facts}: too large`);
  }
  return { files, faults };
}

/** Returns the names in `dist/static`. */
function present() {
  try {
    return readdirSync(STATIC);
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

/** Returns what is in `dist/static` and should not be, and what is missing. */
function differences(files) {
  const stale = present().filter((name) => !files.has(name));
  const faults = stale.map((name) => `dist/static/${name}: not what the sources give`);
  for (const [name, bytes] of files) {
    if (!present().includes(name)) faults.push(`dist/static/${name}: missing`);
    else if (!readFileSync(STATIC + name).equals(bytes)) faults.push(`dist/static/${name}: altered`);
  }
  return faults;
}

/** Writes `dist/static` anew. */
function write(files) {
  mkdirSync(STATIC, { recursive: true });
  for (const name of present()) if (!files.has(name)) rmSync(STATIC + name);
  for (const [name, bytes] of files) writeFileSync(STATIC + name, bytes);
}

const { files, faults } = await built();
if (process.argv.includes('--check')) faults.push(...differences(files));
else write(files);
for (const fault of faults) console.error(fault);
if (faults.length > 0) {
  console.error('run `npm run build` in web/ and commit dist/static');
  process.exitCode = 1;
}
