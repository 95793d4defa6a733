// A payment that is kept: what is known of it, and what its buyer can do.

import { button, disable, el, write, writeOrHide } from './dom';
import { priced, quantified, type Model, type View } from './model';
import { mayForget } from './outcome';
import type { Sending, Unsure } from './state';
import { refusalText } from './notices';
import { contactNode } from './contact';
import { signInView } from './view_signin';

const SLOW_MS = 3_000;
const HELP_AFTER_MS = 60_000;

/** Returns how things stand with a payment. */
function standing(model: Model, flow: Sending | Unsure): string {
  const { texts, now, world } = model;
  if (flow.phase === 'unsure') return refusalText(model, flow.refusal, 'unsure');
  if (!world.isOnline && flow.mode !== 'checking') return texts.text('payment.offline');
  const seconds = Math.max(1, Math.ceil((flow.doubtUntil - now) / 1000));
  const text = flow.mode === 'checking' ? texts.count('payment.checking', seconds) : texts.text(`payment.${flow.mode}`);
  return flow.mode === 'sent' && now - flow.since > SLOW_MS ? `${text} ${texts.text('slow')}` : text;
}

/** Makes the block of a kept payment. */
export function paymentView(model: () => Model): View {
  const { texts } = model();
  const heading = el('h2', { tabindex: '-1' });
  const what = el('p', { class: 'what' });
  const how = el('p', { class: 'progress' });
  const warning = el('p', { class: 'warning' }, texts.text('payment.memory'));
  const contact = el('p', { class: 'hint' }, texts.text('payment.contact'), ' ', contactNode(model()));
  const retry = button('button', texts.text('payment.retry'), () => {
    const { flow } = model().state;
    if ('kept' in flow) model().dispatch({ type: 'retry', transaction: flow.kept.transaction });
  });
  const forget = button('button quiet', texts.text('payment.forget'), () => {
    confirm.hidden = !confirm.hidden;
    forget.setAttribute('aria-expanded', String(!confirm.hidden));
  });
  const really = button('button danger', texts.text('payment.forget.yes'), () => {
    model().world.hasActed = true;
    confirm.hidden = true;
    model().dispatch({ type: 'forget' });
  });
  const confirm = el('div', { class: 'aside' }, el('p', {}, texts.text('payment.forget.why')), really);
  confirm.hidden = true;
  const signIn = signInView(model);
  const node = el('div', { class: 'block payment' }, heading, what, how, warning, retry, contact, signIn.node, forget, confirm);
  return {
    node,
    update(now): void {
      const { flow } = now.state;
      if (flow.phase !== 'sending' && flow.phase !== 'unsure') return;
      const { kept } = flow;
      const isSending = flow.phase === 'sending';
      const values = { quantity: quantified(now, kept.quantity), price: priced(now, kept.display) };
      write(heading, texts.text(isSending ? 'payment.title' : 'payment.title.unsure'));
      write(what, texts.text(kept.operation.kind === 'access' ? 'payment.what' : 'payment.what.extend', values));
      writeOrHide(how, standing(now, flow));
      how.toggleAttribute('data-busy', isSending);
      warning.hidden = !now.state.isMemoryOnly || !isSending;
      retry.hidden = !isSending || flow.mode !== 'unclear';
      disable(retry, isSending && flow.isOut);
      const needsHelp = !isSending || now.now - kept.at > HELP_AFTER_MS;
      signIn.update(now);
      signIn.node.hidden ||= !needsHelp;
      contact.hidden = !needsHelp;
      forget.hidden = !mayForget(flow, now.now);
      confirm.hidden ||= forget.hidden;
    },
  };
}
