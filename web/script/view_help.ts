// "Something is wrong": what the seller has to know, and how to reach the seller.

import { button, copy, el, write } from './dom';
import type { Model, View } from './model';
import { contactNode } from './contact';
import type { Session } from './types';

/** Returns what the seller has to know, as lines. */
function facts({ world, page, texts }: Model, session: Session): string {
  const lines = [
    `${world.asset.name} (${world.asset.id})`,
    page.page,
    `${texts.text('receipt.session')}: ${session.id}`,
    ...session.payments.map((payment) => `${texts.text('receipt.transaction')}: ${payment.transaction ?? '-'}`),
  ];
  return lines.join('\n');
}

/** Makes the part for problems. */
export function helpView(model: () => Model): View {
  const { texts } = model();
  const text = el('pre', { class: 'code' });
  const contact = el('p');
  const copyFacts = button('button', texts.text('help.copy'), () => {
    void copy(text.textContent ?? '').then((isCopied) => write(copyFacts, texts.text(isCopied ? 'link.copied' : 'help.copy')));
  });
  const heading = el('h3', { tabindex: '-1' }, texts.text('help'));
  const node = el('section', { class: 'part help' }, heading, el('p', {}, texts.text('help.what')), contact, text, copyFacts);
  let shown: Session | null = null;
  return {
    node,
    update(now): void {
      const { session } = now.state.saved;
      if (!session || session === shown || node.hidden) return;
      shown = session;
      write(text, facts(now, session));
      const subject = texts.text('help.subject', { name: now.world.asset.name });
      contact.replaceChildren(contactNode(now, subject, facts(now, session)));
    },
  };
}
