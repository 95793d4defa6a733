// Ports for programs that are ended and started again at the same address.

import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

// Outside the range from which the system gives ports to outgoing connections. One of those could take the port while
// its program is down.
const [FIRST, BEYOND] = [20_000, 32_000];

/** Resolves to whether `bind`, which calls back on success, has succeeded. */
const works = (socket, bind) => new Promise((resolve) => bind(socket.once('error', () => resolve(false)), () => resolve(true)));

/** A TCP port that belongs to this process until it is given back, even while nothing listens there. */
export class Port {
  /**
   * Takes a free port.
   *
   * Binding the UDP port of the same number, which nothing else here uses, marks it as taken. The system gives that
   * port to one process only, and frees it when the process dies.
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

  /** Gives the port back. It may be called more than once. */
  giveBack() {
    this.sign?.close();
    this.sign = undefined;
  }
}
