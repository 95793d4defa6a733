// The panel as a whole: which of its blocks are shown, and where the focus goes.

import { announcer } from './announce';
import { el, writeOrHide } from './dom';
import type { Model } from './model';
import type { Order } from './order';
import { isRunning } from './session';
import type { Condition } from './state_line';
import { paymentView } from './view_payment';
import { payView } from './view_pay';
import { sessionView } from './view_session';

/** Which blocks are shown. */
export interface Shown {
  readonly session: boolean;
  readonly payment: boolean;
  readonly pay: boolean;
}

/** Returns which blocks a state shows. */
export function blocksOf(model: Model): Shown {
  const { saved, flow, isExtending } = model.state;
  const session = saved.session !== null && !saved.session.dismissed;
  const payment = 'kept' in flow;
  const runs = isRunning(saved.session, model.now);
  return { session, payment, pay: !payment && (!session || (runs && isExtending)) };
}

/** Takes over the panel, and returns how to keep it up to date. */
export function takeOver(panel: HTMLElement, order: Order, condition: (model: Model) => Condition, model: () => Model): (model: Model) => void {
  const given = [...panel.childNodes].filter((node) => !(node instanceof Element && node.localName === 'noscript'));
  const session = sessionView(model);
  const payment = paymentView(model);
  const pay = payView(given, condition, model);
  const offline = el('p', { class: 'offline' });
  const home = order.node.parentElement;
  panel.replaceChildren(offline, session.node, payment.node, pay.node);
  panel.setAttribute('data-live', '');
  let before = '';
  const spoken = (): string => {
    const doing = [payment, pay, session].find((view) => !view.node.hidden)?.node;
    const texts = ['h2', '.notice', '.progress'].map((part) => doing?.querySelector<HTMLElement>(part));
    const own = texts.filter((node) => node && !node.hidden && node.parentElement === doing);
    return own.map((node) => node?.textContent ?? '').join('. ');
  };
  const announce = announcer(spoken);
  return (now) => {
    const shown = blocksOf(now);
    const hadFocus = panel.contains(document.activeElement);
    session.node.hidden = !shown.session;
    payment.node.hidden = !shown.payment;
    pay.node.hidden = !shown.pay;
    order.node.hidden = !shown.pay;
    // More time is chosen below the session, the first time above the panel.
    const [parent, next] = shown.session ? [panel, pay.node] : [home, panel];
    if (order.node.nextSibling !== next || order.node.parentElement !== parent) parent?.insertBefore(order.node, next);
    writeOrHide(offline, now.world.isOnline ? '' : now.texts.text(shown.session ? 'offline.session' : 'offline'));
    for (const view of [session, payment, pay]) if (!view.node.hidden) view.update(now);
    const present = JSON.stringify(shown);
    if (before !== present && before !== '' && (now.world.hasActed || hadFocus)) {
      const main = shown.payment ? payment : shown.pay && shown.session ? pay : shown.session ? session : pay;
      main.node.querySelector<HTMLElement>('h2')?.focus({ preventScroll: false });
      now.world.hasActed = false;
    }
    before = present;
    announce(now);
  };
}
