// A part below the session, which is opened by a button and shows what is known of the session.

import type { Result } from './api';
import { disable, el, heading, writeOrHide, type Child } from './dom';
import type { Model, View } from './model';
import { refusalText } from './notices';
import type { Session } from './types';

/** Asks the gateway for something of the session, with the button disabled meanwhile, and says why it refuses: then null. */
export async function askFor<T>(
  what: (session: Session) => Promise<Result<T>>,
  model: () => Model,
  element: HTMLElement,
  said: HTMLElement,
): Promise<T | null> {
  const { session } = model().state.saved;
  if (!session) return null;
  disable(element, true);
  const result = await what(session);
  disable(element, false);
  writeOrHide(said, 'ok' in result ? '' : refusalText(model(), result.refusal, 'fault'));
  return 'ok' in result ? result.ok : null;
}

/** Makes a part. `fill` is called when it is open and the session is another than before. */
export function partView(
  name: string,
  title: string,
  children: readonly Child[],
  fill: (now: Model, session: Session) => void,
): View {
  const node = el(`section.part.${name}`, heading('h3', title), ...children);
  let shown: Session | null = null;
  return {
    node,
    update(now): void {
      const { session } = now.state.saved;
      if (!session || session === shown || node.hidden) return;
      shown = session;
      fill(now, session);
    },
  };
}
