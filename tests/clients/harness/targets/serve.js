// The gateway as `coinop serve` on this machine, in a fresh folder.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Port } from '../port.js';
import { Program } from '../process.js';
import { toToml } from '../toml.js';

export const BINARY =
  process.env.COINOP_BIN ?? fileURLToPath(new URL('../../../../target/release/coinop', import.meta.url));

const folders = new Set();
const remove = (folder) => rmSync(folder, { recursive: true, force: true });
process.on('exit', () => folders.forEach(remove));

/** Tells whether there is a process of this number that has not ended, even if nobody has asked how. */
export const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    const stat = `/proc/${pid}/stat`;
    return !existsSync(stat) || !/\) Z /.test(readFileSync(stat, 'utf8'));
  } catch {
    return false;
  }
};

class Serve {
  constructor(folder, port) {
    this.folder = folder;
    this.port = port;
    this.url = `http://127.0.0.1:${port.number}`;
    this.past = '';
  }

  get logs() {
    return this.past + (this.program?.log ?? '');
  }

  /** The lines of the log. Each is JSON. */
  get entries() {
    const lines = this.logs.split('\n').filter((line) => line && !line.startsWith('coinop serving'));
    return lines.map((line) => ({ level: JSON.parse(line).level, line }));
  }

  /**
   * Starts the gateway, or starts it again after stop or kill, in the same folder and at the same address. It does not
   * wait. `binary` is another build of it, `module` another component, `args` more arguments, and `env` is added to its
   * environment.
   */
  launch({ binary = BINARY, module, args = [], env } = {}) {
    this.past = this.logs;
    const other = module ? ['--module', module] : [];
    this.program = new Program('gateway', binary, ['serve', '--config', 'coinop.toml', ...other, ...args], {
      cwd: this.folder,
      env: { ...process.env, ...env },
    });
    return this.program;
  }

  /** Starts it, and waits until /health says that it is ready. */
  async restart(how) {
    this.launch(how);
    const healthy = () => fetch(`${this.url}/health`).then((r) => r.body.cancel().then(() => r.ok), () => false);
    await this.program.until('GET /health is 200', healthy, { within: 30_000 });
  }

  /** Starts it again only if it is down. */
  async revive() {
    if (this.program.outcome) await this.restart();
  }

  /** Ends it as an operator would. Returns `{code, signal}`. */
  stop() {
    return this.program.stop();
  }

  /**
   * The number of the gateway's own process once it holds its folder, or undefined. `program` is its guardian, or the
   * same process without one.
   */
  get pid() {
    const file = join(this.folder, 'coinop-data', 'lock');
    const pid = existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : 0;
    return pid > 0 && isAlive(pid) ? pid : undefined;
  }

  /** Sends the gateway's own process a signal, as nobody but a crash would. Its guardian lives. */
  signal(name) {
    process.kill(this.pid ?? this.program.child.pid, name);
  }

  /** Ends it as a power cut would: nobody is left to lock anything. */
  kill() {
    const { child } = this.program;
    // Stopped, its guardian does not see it die.
    child.kill('SIGSTOP');
    if (this.pid) this.signal('SIGKILL');
    return this.program.kill();
  }

  /** Tells whether the lock file exists, and so whether the device is open. */
  isOpen(file) {
    return existsSync(join(this.folder, file));
  }

  /** Returns what is stored, as sizes by file name. */
  async stored() {
    const folder = join(this.folder, 'coinop-data');
    const names = (await readdir(folder)).sort();
    return Promise.all(names.map(async (name) => [name, (await stat(join(folder, name))).size]));
  }

  /** Returns what is stored, as a digest of the database and its log. Every write changes it. */
  async written() {
    const folder = join(this.folder, 'coinop-data');
    const names = (await readdir(folder)).filter((name) => /\.db(-wal)?$/.test(name)).sort();
    if (names.length === 0) throw new Error(`no database in ${folder}`);
    const digest = createHash('sha256');
    for (const name of names) digest.update(name).update(await readFile(join(folder, name)));
    return digest.digest('hex');
  }

  /** Returns the secret from which all of its keys are derived. */
  async secret() {
    return Buffer.from(await readFile(join(this.folder, 'coinop-data', 'secret'), 'utf8'), 'base64');
  }

  async dispose() {
    if (this.program) await this.kill();
    this.port.giveBack();
    remove(this.folder);
    folders.delete(this.folder);
  }
}

export const serve = {
  name: 'coinop serve',
  /** What tests may ask of this target beyond HTTP. */
  can: { devices: true, storage: true, restart: true, secrets: true, program: true, server: true, metrics: true },

  /** With `started: false` it makes only the folder. `how` is how the gateway is launched. */
  async start(config, feePayer, { started = true, ...how } = {}) {
    const folder = await mkdtemp(join(tmpdir(), 'coinop-clients-'));
    folders.add(folder);
    const port = await Port.take();
    const gateway = new Serve(folder, port);
    const file = {
      listen: `127.0.0.1:${port.number}`,
      public_url: gateway.url,
      data_dir: './coinop-data',
      ...config,
    };
    await writeFile(join(folder, 'coinop.toml'), `${toToml(file)}\n`);
    await writeFile(join(folder, 'fee-payer.json'), JSON.stringify([...feePayer.secret]), { mode: 0o600 });
    if (!started) return gateway;
    try {
      await gateway.restart(how);
    } catch (error) {
      await gateway.dispose();
      throw error;
    }
    return gateway;
  },
};
