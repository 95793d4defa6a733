// "Something is wrong": what the seller has to know, and how to reach the seller.

import { copyButton, el, write } from './dom';
import type { Model, View } from './model';
import { contactNode } from './contact';
import type { Session } from './types';
import { partView } from './view_part';

/** Returns what the seller has to know, as lines. */
function facts({ world, page, t }: Model, session: Session): string {
  const lines = [
    `${world.asset.name} (${world.asset.id})`,
    page.page,
    `${t('receipt.session')}: ${session.id}`,
    ...session.payments.map((payment) => `${t('receipt.transaction')}: ${payment.transaction ?? '-'}`),
  ];
  return lines.join('\n');
}

/** Makes the part for problems. */
export function helpView(model: () => Model): View {
  const { t } = model();
  const text = el('pre.code');
  const contact = el('p');
  const copyFacts = copyButton(t, 'help.copy', () => text.textContent ?? '');
  return partView('help', t('help'), [el('p', t('help.what')), contact, text, copyFacts], (now, session) => {
    const lines = facts(now, session);
    write(text, lines);
    const subject = t('help.subject', { name: now.world.asset.name });
    contact.replaceChildren(contactNode(now, subject, lines));
  });
}
