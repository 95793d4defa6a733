// The receipt, on the screen and on paper.

import { button, el } from './dom';
import { priced, quantified, type Model, type View } from './model';
import { contactNode } from './contact';
import { exactly } from './time';
import type { Paid, Session } from './types';

/** Returns the link to a transaction, or a dash if it is not known. */
function transactionNode({ page }: Model, { transaction }: Paid): Node {
  if (!transaction) return document.createTextNode('\u2013');
  const href = page.explorer.replace('{transaction}', encodeURIComponent(transaction));
  return el('a', { href, rel: 'noopener noreferrer', target: '_blank', class: 'code' }, transaction);
}

/** Returns a term and its description. */
function row(term: string, ...description: readonly (Node | string)[]): HTMLElement {
  return el('div', {}, el('dt', {}, term), el('dd', {}, ...description));
}

/** Returns the rows of a receipt. */
function rows(model: Model, session: Session): HTMLElement[] {
  const { texts, world, page } = model;
  const { language } = texts;
  const payments = session.payments.flatMap((payment) => [
    row(exactly(payment.at, language), `${quantified(model, payment.quantity)}: ${priced(model, payment.display)}`),
    row(texts.text('receipt.transaction'), transactionNode(model, payment)),
  ]);
  const end = session.endsAt === null ? '\u2013' : exactly(session.endsAt, language);
  return [
    row(texts.text('receipt.what'), world.asset.name),
    row(texts.text('receipt.seller'), contactNode(model)),
    row(texts.text('receipt.from'), exactly(session.startsAt, language)),
    row(texts.text('receipt.to'), end),
    ...payments,
    row(texts.text('receipt.session'), el('span', { class: 'code' }, session.id)),
    row(texts.text('receipt.page'), page.page),
  ];
}

/** Prints the receipt alone. */
function print(): void {
  const { classList } = document.body;
  const done = (): void => classList.remove('printing-receipt');
  classList.add('printing-receipt');
  window.addEventListener('afterprint', done, { once: true });
  window.print();
  // Some browsers inside wallets can't print, and say nothing.
  setTimeout(done, 60_000);
}

/** Makes the receipt of the kept session. */
export function receiptView(model: () => Model): View {
  const { texts } = model();
  const list = el('dl');
  const node = el('section', { class: 'part receipt' }, el('h3', { tabindex: '-1' }, texts.text('receipt')), list);
  node.append(el('div', { class: 'actions no-print' }, button('button', texts.text('receipt.print'), print)));
  let shown: Session | null = null;
  return {
    node,
    update(now): void {
      const { session } = now.state.saved;
      if (!session || session === shown || node.hidden) return;
      shown = session;
      list.replaceChildren(...rows(now, session));
    },
  };
}
