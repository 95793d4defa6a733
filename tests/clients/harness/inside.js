// Runs in workerd instead of the worker's script. It has the same classes, but it reports every message to an object
// and every use of KV to a test, before and after it, and the test may delay it. See probe.js.

import Worker, * as worker from './index.js';

/** Reports to the test, and waits for its answer. */
async function tell(env, what) {
  const answer = await env.PROBE.fetch('http://probe/', { method: 'POST', body: JSON.stringify(what) });
  return answer.json();
}

/** KV as it is, unless the test makes it fail. */
class Catalogue {
  constructor(env) {
    this.env = env;
  }

  async run(operation, [key, ...rest]) {
    const { fails, value } = await tell(this.env, { kv: operation, key });
    if (fails) throw new Error(`KV ${operation.toUpperCase()} failed: 500 Internal Server Error`);
    if (value !== undefined) return value;
    return this.env.CATALOGUE[operation](key, ...rest);
  }

  get(...args) {
    return this.run('get', args);
  }

  getWithMetadata(...args) {
    return this.run('getWithMetadata', args);
  }

  put(...args) {
    return this.run('put', args);
  }

  list(...args) {
    return this.env.CATALOGUE.list(...args);
  }

  delete(...args) {
    return this.run('delete', args);
  }
}

const seen = (env) => new Proxy(env, {
  get: (target, name) => (name === 'CATALOGUE' && target.PROBED.kv ? new Catalogue(target) : target[name]),
});

/** Wraps an object's class so that its messages are reported. */
const object = (binding, Class) =>
  class extends Class {
    constructor(state, env) {
      super(state, seen(env));
      this.sql = state.storage.sql;
      this.tell = (what) => (env.PROBED.objects ? tell(env, { object: binding, ...what }) : undefined);
      this.isNew = true;
    }

    async told(what, action) {
      const { isNew } = this;
      this.isNew = false;
      await this.tell({ at: 'before', what, isNew });
      const answer = await action();
      await this.tell({ at: 'after', what });
      return answer;
    }

    async fetch(request) {
      const what = new URL(request.url).pathname.slice(1);
      if (what !== 'probe') return this.told(what, () => super.fetch(request));
      const { sql, parameters } = await request.json();
      return Response.json(this.sql.exec(sql, ...parameters).toArray());
    }

    alarm() {
      return this.told('alarm', () => super.alarm());
    }
  };

export const AssetObject = object('ASSET', worker.AssetObject);
export const PayerObject = object('PAYER', worker.PayerObject);
export const PaymentObject = object('PAYMENT', worker.PaymentObject);
export const MerchantObject = object('MERCHANT', worker.MerchantObject);

export default class extends Worker {
  constructor(context, env) {
    super(context, seen(env));
  }
}
