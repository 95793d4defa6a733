// Continuing on another device, by a link with a code that works once.

import { button, copyButton, el, heading, writeOrHide } from './dom';
import type { Model, View } from './model';
import { instant } from './classify';
import { timeOfDay } from './time';
import { askFor } from './view_part';

/** How long a code works at most. */
const VALID_MS = 120_000;

/** Makes the part with the link. */
export function shareView(model: () => Model): View {
  const { t, page, api } = model();
  const field = el('input', { type: 'text', readonly: '', 'aria-label': t('link.label') });
  const said = el('p.hint', { role: 'status' });
  const make = button('button', t('share.make'), () => void ask());
  const copyLink = copyButton(t, 'link.copy', () => field.value, () => field.select());
  const send = button('button', t('share.send'), () => {
    navigator.share({ url: field.value }).catch(() => undefined);
  });
  const link = el('div.link', field, el('div.actions.row', copyLink, send));
  const title = heading('h3', t('share'));
  const node = el('section.part.share', title, el('p', t('share.why')), make, said, link);
  link.hidden = true;
  let expires = 0;
  const ask = async (): Promise<void> => {
    const made = await askFor(api.makeCode, model, make, said);
    link.hidden = !made;
    if (!made) return;
    const { now } = model();
    expires = instant(made.expiresAt) ?? now + VALID_MS;
    field.value = `${page.page}#code=${made.code}`;
    send.hidden = typeof navigator.share !== 'function';
    writeOrHide(said, t('share.made', { time: timeOfDay(expires, now, t.language) }));
  };
  return {
    node,
    update(now): void {
      if (link.hidden || now.now < expires) return;
      link.hidden = true;
      field.value = '';
      writeOrHide(said, t('share.expired'));
    },
  };
}
