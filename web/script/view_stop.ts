// Ending a session before its time, after a sentence on what that means.

import { button, el, writeOrHide } from './dom';
import type { Model, View } from './model';
import { askFor, partView } from './view_part';

/** Makes the part that stops the session. */
export function stopView(model: () => Model): View {
  const { t, api, act } = model();
  const said = el('p.notice', { role: 'status' });
  const yes = button('button danger', t('stop.yes'), () => {
    void askFor(api.stop, model, yes, said).then((status) => status && act({ type: 'session', status }));
  });
  return partView('stop', t('stop'), [el('p', t('stop.why')), yes, said], () => writeOrHide(said, ''));
}
