// The receipt, on the screen and on paper.

import { button, el } from './dom';
import { priced, quantified, type Model, type View } from './model';
import { contactNode } from './contact';
import { sum } from './money';
import { exactly } from './time';
import type { Paid, Session } from './types';
import { partView } from './view_part';

/** Returns the link to a transaction, or a dash if it is not known. */
function transactionNode({ page }: Model, { transaction }: Paid): Node {
  if (!transaction) return document.createTextNode('\u2013');
  const href = page.explorer.replace('{transaction}', encodeURIComponent(transaction));
  return el('a', { href, rel: 'noopener noreferrer', target: '_blank', class: 'code' }, transaction);
}

/** Returns a term and its description. */
function row(term: string, ...description: readonly (Node | string)[]): HTMLElement {
  return el('div', el('dt', term), el('dd', ...description));
}

/** Returns the rows of a receipt. */
function rows(model: Model, session: Session): HTMLElement[] {
  const { t, world, page } = model;
  const { language } = t;
  const payments = session.payments.flatMap((payment) => [
    row(exactly(payment.at, language), `${quantified(model, payment.quantity)}: ${priced(model, payment.display)}`),
    row(t('receipt.transaction'), transactionNode(model, payment)),
  ]);
  const total = session.payments.length > 1 ? sum(session.payments.map(({ display }) => display)) : null;
  const end = session.endsAt === null ? '\u2013' : exactly(session.endsAt, language);
  return [
    row(t('receipt.what'), world.asset.name),
    row(t('receipt.seller'), contactNode(model)),
    row(t('receipt.from'), exactly(session.startsAt, language)),
    row(t('receipt.to'), end),
    ...payments,
    ...(total ? [row(t('receipt.total'), priced(model, total))] : []),
    row(t('receipt.session'), el('span.code', session.id)),
    row(t('receipt.page'), page.page),
  ];
}

/** Makes the receipt of the kept session. */
export function receiptView(model: () => Model): View {
  const { t } = model();
  const list = el('dl');
  const buttons = el('div.actions.no-print', button('button', t('receipt.print'), () => window.print()));
  return partView('receipt', t('receipt'), [list, buttons], (now, session) => list.replaceChildren(...rows(now, session)));
}
