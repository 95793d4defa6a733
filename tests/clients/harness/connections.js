// Every request of the tests has a connection of its own: gateways are killed and started again at one address, and a
// connection that is kept from the life before would fail a request that nothing is wrong with.

import { Agent, setGlobalDispatcher } from 'undici';

setGlobalDispatcher(new Agent({ pipelining: 0 }));
