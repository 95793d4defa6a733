// What is kept in the browser's storage, for each asset: `coinop:<asset id>`.

import { members } from './classify';
import { NOTHING_SAVED } from './state';
import type { Kept, Saved, Session } from './types';

/** The part of `Storage` that is used. */
export type Shelf = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

const isText = (value: unknown): value is string => typeof value === 'string';
const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

/** Returns whether a value is a payment as this version keeps it. */
function isKept(value: unknown): value is Kept {
  const kept = members(value);
  const operation = members(kept.operation);
  const isExtension = operation.kind === 'extend' && isText(operation.id) && isText(operation.token);
  return (
    (operation.kind === 'access' || isExtension) &&
    isText(kept.transaction) &&
    isText(kept.display) &&
    isTime(kept.at) &&
    isTime(kept.sentAt) &&
    'accepted' in kept
  );
}

/** Returns whether a value is a session as this version keeps it. */
function isSession(value: unknown): value is Session {
  const session = members(value);
  const isEnd = session.endsAt === null || isTime(session.endsAt);
  return isText(session.id) && isText(session.token) && isTime(session.startsAt) && isEnd && Array.isArray(session.payments);
}

/** Returns what a stored text says; null if it says nothing that this version understands. */
export function parse(text: string | null): Saved | null {
  if (text === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const { version, revision, kept, session, refused } = members(value);
  if (version !== 1 || !isTime(revision)) return null;
  const { code, detail } = members(refused);
  return {
    version,
    revision,
    kept: isKept(kept) ? kept : null,
    session: isSession(session) ? session : null,
    refused: isText(code) && isText(detail) ? { code, detail } : null,
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

export class Store {
  readonly key: string;
  private readonly shelf: () => Shelf;

  /** `shelf` returns the storage. It may throw, as a browser does that blocks it. */
  constructor(asset: string, shelf: () => Shelf) {
    this.key = `coinop:${asset}`;
    this.shelf = shelf;
  }

  /** Returns what is stored; null if there is nothing, or if it can't be read. */
  read(): Saved | null {
    try {
      return parse(this.shelf().getItem(this.key));
    } catch {
      return null;
    }
  }

  /** Writes, and returns whether it can be read back. */
  write(saved: Saved): boolean {
    const text = JSON.stringify(saved);
    try {
      this.shelf().setItem(this.key, text);
      return this.shelf().getItem(this.key) === text;
    } catch {
      return false;
    }
  }

  /** Writes a payment, unless another tab has written since `saved` was made. Then it returns what that tab wrote. */
  keep(saved: Saved): { readonly isStored: boolean; readonly conflict: Saved | null } {
    const stored = this.read();
    if (stored && (stored.kept || stored.revision >= saved.revision)) return { isStored: false, conflict: stored };
    return { isStored: this.write(saved), conflict: null };
  }

  /** Writes what is new, and returns what is stored then. */
  save(saved: Saved, cleared: string | null): Saved {
    const stored = this.read();
    const isFirst = !stored || stored.revision < saved.revision;
    const next = isFirst ? saved : joined(stored, saved, cleared);
    this.write(next);
    return next;
  }

  /** Notes when a kept payment was sent, unless another tab has written that it is done. */
  touch(kept: Kept): void {
    const stored = this.read();
    if (!stored || stored.kept?.transaction === kept.transaction) this.write({ ...(stored ?? NOTHING_SAVED), kept });
  }
}
