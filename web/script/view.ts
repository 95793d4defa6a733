// The panel as a whole: which of its blocks are shown, and where the focus goes.

import { announcer } from './announce';
import { el, writeOrHide } from './dom';
import type { Model } from './model';
import { noticeText } from './notices';
import type { Order } from './order';
import { paymentView } from './view_payment';
import { payView } from './view_pay';
import { sessionView } from './view_session';

/** Which blocks are shown. */
export interface Blocks {
  readonly session: boolean;
  readonly payment: boolean;
  readonly pay: boolean;
}

/** Returns which blocks a state shows. */
export function blocksOf({ state, isExtending, isIdle }: Model): Blocks {
  const { saved, flow } = state;
  const session = saved.session !== null && !saved.session.dismissed;
  const payment = 'kept' in flow;
  return { session, payment, pay: !payment && (!session || isExtending || !isIdle) };
}

/** Takes over the panel, and returns how to keep it up to date. */
export function takeOver(panel: HTMLElement, order: Order, model: () => Model): (model: Model) => void {
  const given = [...panel.childNodes].filter((node) => node.nodeName !== 'NOSCRIPT');
  const views = { session: sessionView(model), payment: paymentView(model), pay: payView(given, model) };
  const { session, payment, pay } = views;
  const offline = el('p.offline');
  const notice = el('p.notice');
  const home = order.node.parentElement;
  panel.replaceChildren(offline, session.node, payment.node, notice, pay.node);
  panel.setAttribute('data-live', '');
  let before = '';

  /** Returns the block that matters most now. */
  const first = (): HTMLElement => [payment, pay, session].find((view) => !view.node.hidden)?.node ?? panel;

  /** Returns what a screen reader is told of it. */
  const spoken = (): string => {
    const part = (name: string): HTMLElement | null => first().querySelector(`:scope > ${name}`);
    const parts = [part('h2'), notice, part('.progress')];
    return parts.flatMap((one) => (one && !one.hidden ? one.textContent : [])).join(' ');
  };
  const announce = announcer(spoken);

  /** Moves the order: more time is chosen below the session, the first time above the panel. */
  const place = (isBelow: boolean): void => {
    const [parent, next] = isBelow ? [panel, notice] : [home, panel];
    if (order.node.nextSibling !== next) parent?.insertBefore(order.node, next);
  };

  return (now) => {
    const { state, world, t } = now;
    const blocks = blocksOf(now);
    const hadFocus = panel.contains(document.activeElement);
    for (const name of ['session', 'payment', 'pay'] as const) {
      views[name].node.hidden = !blocks[name];
      if (blocks[name]) views[name].update(now);
    }
    order.node.hidden = !blocks.pay;
    place(blocks.session);
    writeOrHide(offline, world.isOnline ? '' : t(blocks.session ? 'offline.session' : 'offline'));
    writeOrHide(notice, state.notice && !blocks.payment ? noticeText(now, state.notice) : '');
    notice.dataset.key = state.notice?.key ?? '';
    const present = JSON.stringify(blocks);
    if (before !== present && before !== '' && (world.hasActed || hadFocus)) first().querySelector('h2')?.focus();
    if (now.isIdle) world.hasActed = false;
    before = present;
    announce(now);
  };
}
