// The seller, as somebody to turn to.

import { el } from './dom';
import type { Model } from './model';

const MAIL = /^[^\s@<>"?&]+@[^\s@<>"?&]+$/;

/** Returns the seller's name and contact. A mail address becomes a link with a subject and a text. */
export function contactNode({ world, t }: Model, subject = '', text = ''): HTMLElement {
  const { name, contact } = world.asset.seller ?? {};
  if (!contact) return el('span', name || t('seller.unknown'));
  const query = `?subject=${encodeURIComponent(subject)}&body=${encodeURIComponent(text)}`;
  const mail = MAIL.test(contact) ? `mailto:${contact}${query}` : null;
  const href = contact.startsWith('https://') ? contact : mail;
  const shown = href ? el('a', { href, rel: 'noopener' }, contact) : contact;
  return el('span', name ? `${name}, ` : null, shown);
}
