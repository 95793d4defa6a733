// A payment that is kept: what is known of it, and what its buyer can do.

import { button, disable, el, heading, toggle, write, writeOrHide } from './dom';
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
  const { t, now, world } = model;
  if (flow.phase === 'unsure') return refusalText(model, flow.refusal, 'unsure');
  if (!world.isOnline && flow.mode !== 'checking') return t('payment.offline');
  const seconds = Math.max(1, Math.ceil((flow.doubtUntil - now) / 1000));
  const text = flow.mode === 'checking' ? t.count('payment.checking', seconds) : t(`payment.${flow.mode}`);
  return flow.mode === 'sent' && now - flow.since > SLOW_MS ? `${text} ${t('slow')}` : text;
}

/** Makes the block of a kept payment. */
export function paymentView(model: () => Model): View {
  const { t } = model();
  const title = heading('h2');
  const what = el('p.what');
  const how = el('p.progress');
  const warning = el('p.warning', t('payment.memory'));
  const contact = el('p.hint', t('payment.contact'), ' ', contactNode(model()));
  const retry = button('button', t('payment.retry'), () => {
    const { flow } = model().state;
    if ('kept' in flow) model().dispatch({ type: 'retry', transaction: flow.kept.transaction });
  });
  const really = button('button danger', t('payment.forget.yes'), () => {
    confirm.hidden = true;
    model().act({ type: 'forget' });
  });
  const confirm = el('div.aside', el('p', t('payment.forget.why')), really);
  const forget = toggle('button quiet', t('payment.forget'), confirm);
  const signIn = signInView(model);
  const node = el('div.block.payment', title, what, how, warning, retry, contact, signIn.node, forget, confirm);
  return {
    node,
    update(now): void {
      const { flow } = now.state;
      if (flow.phase !== 'sending' && flow.phase !== 'unsure') return;
      const { kept } = flow;
      const isSending = flow.phase === 'sending';
      const values = { quantity: quantified(now, kept.quantity), price: priced(now, kept.display) };
      const heard = kept.claimed ? 'payment.title' : 'payment.title.sent';
      write(title, t(isSending ? heard : 'payment.title.unsure'));
      write(what, t(kept.operation.kind === 'access' ? 'payment.what' : 'payment.what.extend', values));
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
