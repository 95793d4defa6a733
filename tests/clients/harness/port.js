// Ports for programs that are ended and started again at one address.

import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

// Not those that the system gives to outgoing connections: one of them could take the port while its program is down.
const [FIRST, BEYOND] = [20_000, 32_000];

/** Resolves to whether `bind` came about, which calls back when it has. */
const works = (socket, bind) => new Promise((resolve) => bind(socket.once('error', () => resolve(false)), () => resolve(true)));

/** A TCP port that belongs to this process until it is given back, also while nothing listens there. */
export class Port {
  /**
   * Takes one that is free.
   *
   * The UDP port of the same number, which nothing else here uses, says that it is taken. The system lets one process
   * have that, and gives it back when the process dies.
   */
  static async take() {
    for (;;) {
      const number = randomInt(FIRST, BEYOND);
      const sign = createSocket({ type: 'udp4', exclusive: true });
      if (!(await works(sign, (socket, bound) => socket.bind(number, '127.0.0.1', bound)))) continue;
      sign.unref();
      const server = createServer();
      if (await works(server, (socket, bound) => socket.listen(number, '127.0.0.1', bound))) {
        await new Promise((resolve) => server.close(resolve));
        return Object.assign(new Port(), { number, sign });
      }
      sign.close();
    }
  }

  /** Gives it back; more than once is fine. */
  giveBack() {
    this.sign?.close();
    this.sign = undefined;
  }
}
