// What is kept in the browser's storage, for each asset: `coinop:<asset id>`.

import { parsed } from './base';
import { hasAll, members } from './classify';
import { NOTHING_SAVED } from './state';
import type { Kept, Saved, Session } from './types';

/** The part of `Storage` that is used. */
export type Shelf = Pick<Storage, 'getItem' | 'setItem'>;

const KEPT = 'operation transaction accepted at sentAt';
const SESSION = 'id token startsAt payments';

/** Returns a value that has all these members, or null. */
function whole<T>(value: unknown, names: string): T | null {
  return hasAll(value, names) ? (value as T) : null;
}

/** Returns what a stored text says; null if it says nothing that this version understands. */
export function parse(text: string | null): Saved | null {
  const { version, revision, kept, session, refused } = members(parsed(text ?? ''));
  if (version !== 1 || typeof revision !== 'number') return null;
  return {
    version,
    revision,
    kept: whole(kept, KEPT),
    session: whole(session, SESSION),
    refused: whole(refused, 'code detail'),
  };
}

/** Returns the later of two sessions. */
function later(a: Session | null, b: Session | null): Session | null {
  if (!a || !b) return a ?? b;
  if (a.id !== b.id) return a.startsAt >= b.startsAt ? a : b;
  const payments = a.payments.length >= b.payments.length ? a.payments : b.payments;
  return { ...a, payments, endsAt: a.endsAt === null || b.endsAt === null ? null : Math.max(a.endsAt, b.endsAt) };
}

/** Joins what this tab wants to write with what another tab has written. A payment is lost only if it is `cleared`. */
export function joined(stored: Saved, wanted: Saved, cleared: string | null): Saved {
  const remains = stored.kept?.transaction === cleared ? null : stored.kept;
  return {
    version: 1,
    revision: Math.max(stored.revision, wanted.revision) + 1,
    kept: remains ?? wanted.kept,
    session: later(wanted.session, stored.session),
    refused: wanted.refused,
  };
}

export interface Store {
  readonly key: string;
  /** Returns what is stored; null if there is nothing, or if it can't be read. */
  read(): Saved | null;
  /** Writes a payment, unless another tab has written since `saved` was made. Then it returns what that tab wrote. */
  keep(saved: Saved): { readonly isStored: boolean; readonly conflict: Saved | null };
  /** Writes what is new, and returns what is stored then. */
  save(saved: Saved, cleared: string | null): Saved;
  /** Notes when a kept payment was sent, unless another tab has written that it is done. */
  touch(kept: Kept): void;
}

/** Makes the store of an asset. `shelf` returns the storage. It may throw, as a browser does that blocks it. */
export function makeStore(asset: string, shelf: () => Shelf): Store {
  const key = `coinop:${asset}`;
  const read = (): Saved | null => {
    try {
      return parse(shelf().getItem(key));
    } catch {
      return null;
    }
  };
  /** Returns whether what was written can be read back. */
  const write = (saved: Saved): boolean => {
    const text = JSON.stringify(saved);
    try {
      shelf().setItem(key, text);
      return shelf().getItem(key) === text;
    } catch {
      return false;
    }
  };
  return {
    key,
    read,
    keep(saved) {
      const stored = read();
      if (stored && (stored.kept || stored.revision >= saved.revision)) return { isStored: false, conflict: stored };
      return { isStored: write(saved), conflict: null };
    },
    save(saved, cleared) {
      const stored = read();
      const next = !stored || stored.revision < saved.revision ? saved : joined(stored, saved, cleared);
      write(next);
      return next;
    },
    touch(kept) {
      const stored = read();
      if (!stored || stored.kept?.transaction === kept.transaction) write({ ...(stored ?? NOTHING_SAVED), kept });
    },
  };
}
