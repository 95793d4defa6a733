// The session that was bought: how much is left, and what can be done with it.

import { button, disable, el, write, writeOrHide } from './dom';
import type { Model, View } from './model';
import { isRunning } from './session';
import { countdown, duration, timeOfDay } from './time';
import type { Session } from './types';
import { helpView } from './view_help';
import { receiptView } from './view_receipt';
import { shareView } from './view_share';

/** How long a device may take to open, in milliseconds. */
const OPENING_MS = 20_000;

/** Returns what is left of a session in milliseconds; null if its end is not known. */
export function left(session: Session, now: number): number | null {
  return session.endsAt === null ? null : Math.max(session.endsAt - now, 0);
}

/** Returns what the device does, for the one who has it. */
function deviceText({ texts, world, now }: Model, session: Session): string {
  const state = world.status?.device?.state;
  if (!state) return '';
  if (!isRunning(session, now)) return texts.text(`over.${state}`);
  const isNew = performance.now() - world.paidAt < OPENING_MS;
  return texts.text(state !== 'unlocked' && isNew ? 'run.opening' : `run.${state}`);
}

/** Shows what is left. Nothing is announced here: a countdown would never be silent. */
function showTime(model: Model, session: Session, timer: HTMLTimeElement, bar: HTMLProgressElement): void {
  const ms = left(session, model.now);
  timer.hidden = ms === null;
  bar.hidden = ms === null || ms === 0;
  if (ms === null || session.endsAt === null) return;
  const { days, digits } = countdown(ms);
  write(timer, days > 0 ? `${model.texts.count('left.days', days)} ${digits}` : digits);
  timer.dateTime = duration(ms);
  bar.max = Math.max(session.endsAt - session.startsAt, 1);
  bar.value = ms;
}

/** Makes a button that opens and closes a part below. */
function toggle(label: string, part: HTMLElement): HTMLButtonElement {
  const element = button('button', label, () => {
    part.hidden = !part.hidden;
    element.setAttribute('aria-expanded', String(!part.hidden));
    if (!part.hidden) part.querySelector<HTMLElement>('h3')?.focus();
  });
  element.setAttribute('aria-expanded', 'false');
  part.hidden = true;
  return element;
}

/** Makes the block of a session, which goes on when its time is over. */
export function sessionView(model: () => Model): View {
  const { texts } = model();
  const heading = el('h2', { tabindex: '-1' });
  const timer = el('time', { class: 'countdown', role: 'timer', 'aria-live': 'off' });
  const bar = el('progress', { 'aria-hidden': 'true' });
  const until = el('p', { class: 'until' });
  const device = el('p', { class: 'hint doing' });
  const parts = { receipt: receiptView(model), help: helpView(model), share: shareView(model) };
  const act = (): void => void (model().world.hasActed = true);
  const more = button('button primary', texts.text('run.extend'), () => {
    act();
    model().dispatch({ type: 'extending', open: !model().state.isExtending });
  });
  const again = button('button primary', texts.text('over.again'), () => {
    act();
    model().dispatch({ type: 'dismiss' });
  });
  const receipt = toggle(texts.text('receipt'), parts.receipt.node);
  const share = toggle(texts.text('share'), parts.share.node);
  const help = toggle(texts.text('help'), parts.help.node);
  const actions = el('div', { class: 'actions' }, more, again);
  const others = el('div', { class: 'actions row' }, receipt, share, help);
  const opened = el('div', { class: 'parts' }, ...Object.values(parts).map((part) => part.node));
  const node = el('div', { class: 'block session' }, heading, timer, bar, until, device, actions, others, opened);
  return {
    node,
    update(now): void {
      const { session } = now.state.saved;
      if (!session) return;
      const runs = isRunning(session, now.now);
      node.toggleAttribute('data-over', !runs);
      write(heading, texts.text(runs ? 'run.title' : 'over.title'));
      showTime(now, session, timer, bar);
      const time = session.endsAt === null ? '' : timeOfDay(session.endsAt, now.now, texts.language);
      writeOrHide(until, time && texts.text(runs ? 'run.until' : 'over.since', { time }));
      writeOrHide(device, deviceText(now, session));
      device.dataset.state = now.world.status?.device?.state ?? '';
      const isIdle = now.state.flow.phase === 'idle';
      more.hidden = !runs;
      more.setAttribute('aria-expanded', String(now.state.isExtending));
      again.hidden = runs;
      share.hidden = !runs;
      parts.share.node.hidden ||= !runs;
      for (const element of [more, again]) disable(element, !isIdle);
      for (const part of Object.values(parts)) part.update(now);
    },
  };
}
