// A part below the session, which is opened by a button and shows what is known of the session.

import { el, heading, type Child } from './dom';
import type { Model, View } from './model';
import type { Session } from './types';

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
