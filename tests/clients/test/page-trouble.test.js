// What goes wrong between a person and the page: answers are lost, the page is reloaded, the network is gone. No payment
// is made twice, and nobody is told that nothing was paid unless that is so.

import assert from 'node:assert/strict';
import { after } from 'node:test';
import { withoutBrowser } from '../harness/browser.js';
import { perSecond, room } from '../harness/config.js';
import { manners } from '../harness/page-wallet.js';
import { Visitor, closeBrowser } from '../harness/visitor.js';
import { until } from '../harness/wait.js';
import { world } from '../harness/world.js';

const ids = ['asked', 'kept', 'sent', 'lost', 'pending', 'unclear-503', 'unclear-500', 'unclear-429', 'unclear-504', 'offline', 'back', 'full', 'expired', 'shut', 'refused', 'more'];
const shared = ['hall', 'stage'].map(room);
const w = world({ assets: [...ids.map(perSecond), ...shared], buyers: 24, paupers: 1, unless: withoutBrowser });
after(closeBrowser);

const visit = (id, how) => Visitor.open(w, `/p/${id}?quantity=60`, { wallets: [{ buyer: w.buyer() }], ...how });
const ONCE = { money: 60_000n, landed: 1 };
const NEVER = { money: 0n, landed: 0 };

/** Decides what becomes of the page's payments: each is given to `how`, with its number from 1. */
async function payments(it, how, path = '') {
  let count = 0;
  await it.page.route((url) => new RegExp(`/api/v1/access/[^/]+${path}$`).test(url.pathname), async (route) => {
    if (!route.request().headers()['payment-signature']) return route.continue();
    count += 1;
    return (await how(route, count)) ?? undefined;
  });
  return () => count;
}

/** Runs in the page before its own script: nothing can be stored. */
const full = () => {
  Storage.prototype.setItem = () => {
    throw new DOMException('full', 'QuotaExceededError');
  };
};

/** Opens two tabs of one browser with the wallet of one buyer. `spoil` runs in them before the page's own script. */
async function twoTabs(id, spoil) {
  const wallets = [{ buyer: w.buyer() }];
  const one = await visit(id, { wallets });
  const two = await visit(id, { wallets, context: one.context });
  for (const it of [one, two]) {
    await it.page.addInitScript(spoil);
    await it.page.reload();
  }
  return [one, two];
}

/** Keeps a tab from doing anything for this long. */
const busy = (it, ms) => it.page.evaluate((end) => {
  const until = performance.now() + end;
  while (performance.now() < until);
}, ms);

const isPaid = (route) => route.fetch().catch(() => undefined);

w.test('a reload while the wallet asks loses nothing and pays nothing (inv. 1)', {}, async () => {
  const it = await visit('asked');
  it.wallet.manner = manners.hangs;
  const sum = await w.gain(async () => {
    await it.pays();
    await it.sees('Please approve');
    await it.page.reload();
    await it.sees('Free now');
    it.wallet.wake();
    await it.button(/^Pay /).waitFor();
  });
  assert.deepEqual(sum, NEVER);
  it.wallet.manner = manners.honest;
  assert.deepEqual(await w.gain(async () => {
    await it.pays();
    await it.sees('It is yours');
  }), ONCE);
  await it.leave();
});

w.test('a payment that was kept and never arrived is sent after a reload, once (inv. 1, 2)', {}, async () => {
  const it = await visit('kept');
  let isOpen = false;
  await payments(it, (route) => (isOpen ? route.continue() : route.abort()));
  const sum = await w.gain(async () => {
    await it.pays();
    await it.sees('Your payment is on its way');
    isOpen = true;
    await it.page.reload();
    await it.sees('It is yours', { within: 30_000 });
  });
  assert.deepEqual([sum, it.wallet.signed], [ONCE, 1]);
  await it.leave();
});

w.test('a reload while the payment is on its way shows the session, once (inv. 1, 2)', {}, async () => {
  const it = await visit('sent');
  const sum = await w.gain(async () => {
    await payments(it, async (route, n) => {
      if (n > 1) return route.continue();
      await isPaid(route);
      return undefined; // never answered
    });
    await it.pays();
    await it.sees('Your payment is on its way');
    await it.page.reload();
    await it.sees('It is yours', { within: 30_000 });
  });
  assert.deepEqual([sum, it.wallet.signed], [ONCE, 1]);
  await it.leave();
});

w.test('an answer that is lost is asked for again with the same bytes (inv. 1, 2)', {}, async () => {
  const it = await visit('lost');
  const seen = new Set();
  const sum = await w.gain(async () => {
    await payments(it, async (route, n) => {
      seen.add(route.request().headers()['payment-signature']);
      if (n > 1) return route.continue();
      await isPaid(route);
      return route.abort();
    });
    await it.pays();
    await it.sees('It is yours', { within: 30_000 });
  });
  assert.deepEqual([sum, it.wallet.signed, seen.size], [ONCE, 1, 1]);
  await it.leave();
});

w.test('a payment that is pending (202) is never paid again, and becomes a session (inv. 1, 3)', {}, async () => {
  const it = await visit('pending');
  let isTrue = false;
  const sum = await w.gain(async () => {
    const count = await payments(it, async (route) => {
      if (isTrue) return route.continue();
      await isPaid(route);
      return route.fulfill({ status: 202, headers: { 'retry-after': '1' }, json: { code: 'settlement_pending' } });
    });
    await it.pays();
    await it.sees('We have your payment');
    await it.sees(/Do not pay again/);
    await it.isAccessible();
    await until('it has been sent again', () => count() >= 3, { within: 20_000 });
    assert.equal(await it.button(/^Pay /).filter({ visible: true }).count(), 0, 'there is nothing to pay with');
    isTrue = true;
    await it.sees('It is yours', { within: 20_000 });
  });
  assert.deepEqual([sum, it.wallet.signed], [ONCE, 1]);
  await it.leave();
});

for (const [status, code] of [[503, 'unavailable'], [500, 'internal_error'], [429, 'too_many_requests'], [504, 'timed_out']]) {
  w.test(`an unclear answer is never called unpaid: ${status} (inv. 3)`, {}, async () => {
    const it = await visit(`unclear-${status}`);
    let isTrue = false;
    const sum = await w.gain(async () => {
      await payments(it, async (route) => {
        if (isTrue) return route.continue();
        await isPaid(route);
        return route.fulfill({ status, headers: { 'retry-after': '1' }, json: { code, detail: 'x' }, contentType: 'application/problem+json' });
      });
      await it.pays();
      await it.sees('Your payment is on its way');
      await it.page.waitForTimeout(1_500);
      assert.doesNotMatch(await it.text(), /Nothing was paid/);
      isTrue = true;
      await it.sees('It is yours', { within: 30_000 });
    });
    assert.deepEqual([sum, it.wallet.signed], [ONCE, 1]);
    await it.leave();
  });
}

w.test('without a network the page says so, keeps the payment, and goes on by itself (inv. 2)', {}, async () => {
  const it = await visit('offline');
  it.wallet.manner = manners.hangs;
  const sum = await w.gain(async () => {
    await it.pays();
    await it.sees('Please approve');
    await it.context.setOffline(true);
    it.wallet.wake();
    await it.sees(/No connection/);
    await it.context.setOffline(false);
    await it.sees('It is yours', { within: 30_000 });
  });
  assert.deepEqual([sum, it.wallet.signed], [ONCE, 1]);
  await it.leave();
});

w.test('someone who looks elsewhere and comes back finds the session', {}, async () => {
  const it = await visit('back');
  await it.pays();
  await it.sees('It is yours');
  await it.page.goto(w.url('/'));
  await it.page.getByRole('heading', { level: 1 }).waitFor();
  await it.page.goBack();
  await it.sees('It is yours');
  await it.leave();
});

w.test('a browser that keeps nothing says so, and sells all the same (inv. 1)', {}, async () => {
  const it = await visit('full');
  await it.page.addInitScript(full);
  await it.page.reload();
  let isOpen = false;
  await payments(it, (route) => (isOpen ? route.continue() : route.abort()));
  assert.deepEqual(await w.gain(async () => {
    await it.pays();
    await it.sees(/Keep this page open/);
    isOpen = true;
    await it.sees('It is yours', { within: 30_000 });
  }), ONCE);
  await it.leave();
});

w.test('where nothing can be kept, of two tabs only one pays, also if the other one takes over (inv. 1)', {}, async () => {
  const [one, two] = await twoTabs('hall', full);
  let isOpen = false;
  await payments(one, (route) => (isOpen ? route.continue() : route.abort()));
  const sum = await w.gain(async () => {
    await one.pays();
    await one.sees(/Keep this page open/);
    await two.pays();
    await two.sees(/another tab/);
    await two.button('Go on here').click();
    await two.sees(/Another tab was faster, so nothing was paid here/);
    isOpen = true;
    await one.sees('It is yours', { within: 30_000 });
  });
  assert.deepEqual(sum, ONCE);
  await two.leave();
  await one.leave();
});

w.test('a browser that blocks cookies has neither storage nor locks, and pays once all the same (inv. 1)', {}, async () => {
  const denied = () => {
    const refuse = () => {
      throw new DOMException('denied', 'SecurityError');
    };
    Object.defineProperty(globalThis, 'localStorage', { get: refuse });
    LockManager.prototype.request = async () => refuse();
  };
  const [one, two] = await twoTabs('stage', denied);
  let isOpen = false;
  await payments(one, async (route) => {
    if (isOpen) return route.continue();
    await isPaid(route);
    return route.abort();
  });
  const sum = await w.gain(async () => {
    await one.pays();
    await one.sees(/Keep this page open/);
    // The tab that has paid may be slow to answer.
    await Promise.all([busy(one, 700), two.pays()]);
    await two.sees(/another tab/);
    await Promise.all([busy(one, 700), two.button('Go on here').click()]);
    await two.page.waitForTimeout(2_000);
    await two.sees(/another tab/);
    isOpen = true;
    await one.sees('It is yours', { within: 30_000 });
  });
  assert.deepEqual([sum, two.wallet.signed], [ONCE, 0]);
  await two.leave();
  await one.leave();
});

w.test('a refusal before money moved is told as such, with its reason (inv. 1)', {}, async () => {
  const pauper = await visit('refused', { wallets: [{ buyer: w.paupers[0] }] });
  const sum = await w.gain(async () => {
    await pauper.pays();
    await pauper.sees(/Nothing was paid/, { within: 45_000 });
  });
  assert.deepEqual(sum, NEVER);
  await pauper.leave();
});

w.test('an extension whose answer is lost extends once (inv. 1, 2)', {}, async () => {
  const it = await visit('more');
  await it.pays();
  await it.sees('It is yours');
  const sum = await w.gain(async () => {
    await payments(it, async (route, n) => {
      if (n > 1) return route.continue();
      await isPaid(route);
      return route.abort();
    }, '/extend');
    await it.button('Add time').click();
    await it.button(/^Add time: pay/).click();
    await until('the countdown shows more', async () => (await it.left()) > 62, { within: 30_000 });
  });
  assert.deepEqual([sum, it.wallet.signed], [ONCE, 2]);
  await it.leave();
});
