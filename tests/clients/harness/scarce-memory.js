// A limit of memory for one process, where the system has control groups of version 1 that this user may change.

import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Returns the folder of this process' group, or undefined. */
function own() {
  try {
    const line = readFileSync('/proc/self/cgroup', 'utf8').split('\n').find((text) => text.split(':')[1] === 'memory');
    const folder = line && join('/sys/fs/cgroup/memory', line.split(':')[2]);
    return folder && existsSync(folder) ? folder : undefined;
  } catch {
    return undefined;
  }
}

/** A group in which memory is scarce. */
export class Scarce {
  /** Returns such a group, or undefined where none can be made. */
  static make() {
    const folder = own() && join(own(), `coinop-test-${process.pid}`);
    try {
      mkdirSync(folder);
    } catch {
      return undefined;
    }
    return Object.assign(new Scarce(), { folder });
  }

  /** Lets this process get no more than this from now on, in bytes. */
  put(pid, bytes) {
    writeFileSync(join(this.folder, 'memory.limit_in_bytes'), String(bytes));
    writeFileSync(join(this.folder, 'cgroup.procs'), String(pid));
  }

  remove() {
    rmdirSync(this.folder);
  }
}
