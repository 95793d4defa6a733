// The session that was bought: how much is left, and what can be done with it.

import { button, disable, el, heading, write, writeOrHide } from './dom';
import type { Model, View } from './model';
import { countdown, duration, timeOfDay } from './time';
import type { Session } from './types';
import { helpView } from './view_help';
import { receiptView } from './view_receipt';
import { shareView } from './view_share';

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

/** Makes a button that opens and closes a part below. */
function toggle(label: string, part: HTMLElement, render: () => void): HTMLButtonElement {
  const element = button('button', label, () => {
    part.hidden = !part.hidden;
    element.setAttribute('aria-expanded', String(!part.hidden));
    render();
    if (!part.hidden) part.querySelector<HTMLElement>('h3')?.focus();
  });
  element.setAttribute('aria-expanded', 'false');
  part.hidden = true;
  return element;
}

/** Makes the block of a session, which goes on when its time is over. */
export function sessionView(model: () => Model): View {
  const { t, render } = model();
  const title = heading('h2');
  const timer = el('time.countdown', { role: 'timer', 'aria-live': 'off' });
  const bar = el('progress', { 'aria-hidden': 'true' });
  const until = el('p.until');
  const device = el('p.hint.doing');
  const parts = { receipt: receiptView(model), help: helpView(model), share: shareView(model) };
  const open = (): void => model().act({ type: 'extending', open: !model().isExtending });
  const more = button('button primary', t('run.extend'), open);
  const again = button('button', '', () => model().act({ type: 'dismiss' }));
  const receipt = toggle(t('receipt'), parts.receipt.node, render);
  const share = toggle(t('share'), parts.share.node, render);
  const help = toggle(t('help'), parts.help.node, render);
  const actions = el('div.actions', more, again);
  const others = el('div.actions.row', receipt, share, help);
  const opened = el('div.parts', ...Object.values(parts).map((part) => part.node));
  const node = el('div.block.session', title, timer, bar, until, device, actions, others, opened);
  return {
    node,
    update(now): void {
      const { session } = now.state.saved;
      if (!session) return;
      const runs = now.isRunning;
      node.toggleAttribute('data-over', !runs);
      write(title, t(runs ? 'run.title' : 'over.title'));
      showTime(now, session, timer, bar);
      const time = session.endsAt === null ? '' : timeOfDay(session.endsAt, now.now, t.language);
      writeOrHide(until, time && t(runs ? 'run.until' : 'over.since', { time }));
      writeOrHide(device, deviceText(now));
      device.dataset.state = now.lock ?? '';
      more.hidden = !runs;
      more.setAttribute('aria-expanded', String(now.isExtending));
      again.hidden = runs && !session.isLinked;
      write(again, t(runs ? 'linked.leave' : 'over.again'));
      again.classList.toggle('primary', !runs);
      share.hidden = !runs;
      parts.share.node.hidden ||= !runs;
      for (const element of [more, again]) disable(element, !now.isIdle);
      for (const part of Object.values(parts)) part.update(now);
      // The focus does not get lost with a button that goes.
      if ((document.activeElement as HTMLElement | null)?.hidden) title.focus();
    },
  };
}
