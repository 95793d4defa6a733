// The session that was bought: how much is left, and what can be done with it.

import { button, disable, el, heading, toggle, write, writeOrHide } from './dom';
import { priced, type Model, type View } from './model';
import { countdown, duration, timeOfDay } from './time';
import type { Owed, Session } from './types';
import { helpView } from './view_help';
import { receiptView } from './view_receipt';
import { shareView } from './view_share';
import { stopView } from './view_stop';

/** Returns what is left of a session in milliseconds; null if its end is not known. */
export function left(session: Session, now: number): number | null {
  return session.endsAt === null ? null : Math.max(session.endsAt - now, 0);
}

/** Returns what the device does, for the one who has it or had it last. */
function deviceText({ t, world, lock, isRunning, isOpening }: Model): string {
  if (!lock) return '';
  if (isRunning) return t(`run.${isOpening ? 'opening' : lock}`);
  return world.status?.session ? '' : t(`over.${lock}`);
}

/** Returns what is owed to the buyer in words. A standing that this page does not know says nothing. */
function owedText(model: Model, { status, display }: Owed): string {
  const key = `owed.${status}`;
  return model.t.has(key) ? model.t(key, { price: priced(model, display) }) : '';
}

/** Shows what is left. Nothing is announced here: a countdown would never be silent. */
function showTime(model: Model, session: Session, timer: HTMLTimeElement, bar: HTMLProgressElement): void {
  const ms = left(session, model.now);
  timer.hidden = ms === null;
  bar.hidden = ms === null || ms === 0;
  if (ms === null || session.endsAt === null) return;
  const { days, digits } = countdown(ms);
  write(timer, days > 0 ? `${model.t.count('left.days', days)} ${digits}` : digits);
  timer.dateTime = duration(ms);
  bar.max = Math.max(session.endsAt - session.startsAt, 1);
  bar.value = ms;
}

/** Makes the block of a session, which goes on when its time is over. */
export function sessionView(model: () => Model): View {
  const { t, render } = model();
  const title = heading('h2');
  const timer = el('time.countdown', { role: 'timer', 'aria-live': 'off' });
  const bar = el('progress', { 'aria-hidden': 'true' });
  const until = el('p.until');
  const owed = el('p.notice', { role: 'status' });
  const device = el('p.hint.doing');
  const parts = { receipt: receiptView(model), help: helpView(model), share: shareView(model), stop: stopView(model) };
  const open = (): void => model().act({ type: 'extending', open: !model().isExtending });
  const more = button('button primary', t('run.extend'), open);
  const again = button('button', '', () => model().act({ type: 'dismiss' }));
  const receipt = toggle('button', t('receipt'), parts.receipt.node, render);
  const share = toggle('button', t('share'), parts.share.node, render);
  const stop = toggle('button', t('stop'), parts.stop.node, render);
  const help = toggle('button', t('help'), parts.help.node, render);
  const actions = el('div.actions', more, again);
  const others = el('div.actions.row', receipt, share, stop, help);
  const opened = el('div.parts', ...Object.values(parts).map((part) => part.node));
  const node = el('div.block.session', title, timer, bar, until, owed, device, actions, others, opened);
  return {
    node,
    update(now): void {
      const { session } = now.state.saved;
      if (!session) return;
      const runs = now.isRunning;
      node.toggleAttribute('data-over', !runs);
      const stops = runs && session.status === 'stopping';
      write(title, t(stops ? 'stop.title' : runs ? 'run.title' : 'over.title'));
      showTime(now, session, timer, bar);
      const time = session.endsAt === null ? '' : timeOfDay(session.endsAt, now.now, t.language);
      writeOrHide(until, time && t(runs ? 'run.until' : 'over.since', { time }));
      writeOrHide(device, deviceText(now));
      writeOrHide(owed, (session.owed ?? []).map((one) => owedText(now, one)).join(' '));
      device.dataset.state = now.lock ?? '';
      more.hidden = !runs || stops;
      more.setAttribute('aria-expanded', String(now.isExtending));
      again.hidden = runs && !session.isLinked;
      write(again, t(runs ? 'linked.leave' : 'over.again'));
      again.classList.toggle('primary', !runs);
      share.hidden = !runs;
      parts.share.node.hidden ||= !runs;
      stop.hidden = more.hidden || !now.lock;
      parts.stop.node.hidden ||= stop.hidden;
      for (const element of [more, again, stop]) disable(element, !now.isIdle);
      for (const part of Object.values(parts)) part.update(now);
      // The focus does not get lost with a button that goes.
      if (document.activeElement?.closest('[hidden]')) title.focus();
    },
  };
}
