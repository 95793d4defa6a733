// Every request of the tests has its own connection. Gateways are killed and started again at the same address, and a
// connection that was kept from the killed gateway would fail a correct request.

import { Agent, setGlobalDispatcher } from 'undici';

setGlobalDispatcher(new Agent({ pipelining: 0 }));
