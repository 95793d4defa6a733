// Continuing on another device, by a link with a code that works once.

import { button, copy, disable, el, write, writeOrHide } from './dom';
import type { Model, View } from './model';
import { instant } from './classify';
import { refusalText } from './notices';
import { timeOfDay } from './time';

/** Makes the part with the link. */
export function shareView(model: () => Model): View {
  const { texts, page } = model();
  const field = el('input', { type: 'text', readonly: '', 'aria-label': texts.text('link.label') });
  const said = el('p', { class: 'hint', role: 'status' });
  const make = button('button', texts.text('share.make'), () => void ask());
  const copyLink = button('button', texts.text('link.copy'), () => {
    void copy(field.value).then((isCopied) => {
      write(copyLink, texts.text(isCopied ? 'link.copied' : 'link.copy'));
      if (!isCopied) field.select();
    });
  });
  const send = button('button', texts.text('share.send'), () => {
    navigator.share({ url: field.value }).catch(() => undefined);
  });
  const link = el('div', { class: 'link' }, field, el('div', { class: 'actions row' }, copyLink, send));
  const heading = el('h3', { tabindex: '-1' }, texts.text('share'));
  const node = el('section', { class: 'part share' }, heading, el('p', {}, texts.text('share.why')), make, said, link);
  link.hidden = true;
  let expires = Number.POSITIVE_INFINITY;
  const ask = async (): Promise<void> => {
    const { session } = model().state.saved;
    if (!session) return;
    disable(make, true);
    const result = await model().api.makeCode(session.id, session.token);
    disable(make, false);
    show(model(), 'ok' in result ? result.ok : null);
    if ('refusal' in result) writeOrHide(said, refusalText(model(), result.refusal, 'fault'));
  };
  const show = (now: Model, made: { code: string; expiresAt: string } | null): void => {
    link.hidden = made === null;
    if (!made) return;
    expires = instant(made.expiresAt) ?? Number.POSITIVE_INFINITY;
    field.value = `${page.page}#code=${made.code}`;
    write(copyLink, texts.text('link.copy'));
    send.hidden = typeof navigator.share !== 'function';
    const time = Number.isFinite(expires) ? timeOfDay(expires, now.now, texts.language) : '';
    writeOrHide(said, texts.text('share.made', { time }));
  };
  return {
    node,
    update(now): void {
      if (link.hidden || now.now < expires) return;
      link.hidden = true;
      field.value = '';
      writeOrHide(said, texts.text('share.expired'));
    },
  };
}
