// What the gateway sends, and what the page keeps.

/** A price in one token. `amount` is in atomic units. */
export interface Price {
  readonly token: string;
  readonly amount: string;
  readonly decimals: number;
  readonly display: string;
  readonly mint: string;
}

/** A quantity with its prices: what a quote says, and what the page shows. */
export interface Offer {
  readonly quantity: number;
  readonly seconds: number;
  readonly prices: readonly Price[];
}

export type Unit = 'second' | 'minute' | 'hour' | 'day' | 'session';

export interface Asset {
  readonly id: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly capacity?: unknown;
  readonly seller?: { readonly name?: string | null; readonly contact?: string | null } | null;
  readonly tariff: {
    readonly unit: Unit;
    readonly minQuantity: number;
    readonly maxQuantity: number;
    readonly prices: readonly Price[];
    readonly presets?: readonly Offer[];
  };
}

export type Lock = 'locked' | 'unlocked' | 'unknown';

export interface Status {
  readonly available: boolean;
  readonly session: { readonly endsAt: string | null } | null;
  readonly device: { readonly state: Lock; readonly outOfOrder?: boolean } | null;
  readonly checkCode?: string;
  readonly now: string;
}

/** A transaction to be signed. `accepted` goes back unchanged. */
export interface Prepared {
  readonly transaction: string;
  readonly accepted: unknown;
  readonly quantity: number;
  readonly seconds: number;
  readonly amount: string;
  readonly decimals: number;
  readonly display: string;
  readonly mint: string;
}

/** What a payment has bought. */
export interface Sale {
  readonly sessionId: string;
  readonly sessionToken: string;
  readonly startsAt: string;
  readonly endsAt: string | null;
  readonly quantity: number;
  readonly display: string;
  readonly transaction: string | null;
}

/** What is owed of a session: how it stands, and how much it is. */
export interface Owed {
  readonly status: string;
  readonly display: string;
}

export interface SessionStatus {
  readonly sessionId: string;
  readonly status: 'active' | 'stopping' | 'ended';
  readonly startsAt: string;
  readonly endsAt: string | null;
  readonly owed?: readonly Owed[];
}

/** A refusal, by its stable code and the gateway's own words. */
export interface Refusal {
  readonly code: string;
  readonly detail: string;
  /** When the asset is free again, in milliseconds since 1970. */
  readonly until?: number;
  /** Whether this very wallet has the asset. */
  readonly yours?: boolean;
}

/** What a payment is for. */
export type Operation =
  | { readonly kind: 'access' }
  | { readonly kind: 'extend'; readonly id: string; readonly token: string };

/** A signed payment, kept until its outcome is clear. */
export interface Kept {
  readonly operation: Operation;
  /** The signed transaction, in base64. It also names the payment. */
  readonly transaction: string;
  readonly accepted: unknown;
  readonly quantity: number;
  readonly display: string;
  /** When it was signed, in milliseconds since 1970 by the gateway's clock. */
  readonly at: number;
  /** When it was last sent; 0 if never. */
  readonly sentAt: number;
  /** Whether the gateway has said that it has the payment. */
  readonly claimed: boolean;
}

/** One payment of a session, for the receipt. */
export interface Paid {
  readonly quantity: number;
  readonly display: string;
  readonly transaction: string | null;
  readonly at: number;
}

/** A session, as long as its receipt may be wanted. Times are in milliseconds since 1970. */
export interface Session {
  readonly id: string;
  readonly token: string;
  readonly startsAt: number;
  readonly endsAt: number | null;
  readonly payments: readonly Paid[];
  /** What the gateway last said of it; missing before it was asked. */
  readonly status?: SessionStatus['status'];
  readonly owed?: readonly Owed[];
  /** Whether the buyer has put it aside to buy again. */
  readonly dismissed: boolean;
  /** Whether a link has brought it, so that others have it too. */
  readonly isLinked?: boolean;
}

/** What the page keeps for an asset. `revision` grows with each change, so that tabs see each other's. */
export interface Saved {
  readonly version: 1;
  readonly revision: number;
  readonly kept: Kept | null;
  readonly session: Session | null;
  readonly refused: Refusal | null;
}

/** What an answer to a payment means. */
export type Outcome =
  | { readonly kind: 'sold'; readonly sale: Sale }
  | { readonly kind: 'pending'; readonly retryMs: number | null }
  /** `over` is whether the gateway has certainly finished with this request. */
  | { readonly kind: 'unclear'; readonly code: string; readonly over: boolean; readonly retryMs: number | null }
  /** `judged` is whether the gateway has looked for an earlier claim of this payment. */
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly judged: boolean }
  | { readonly kind: 'used'; readonly refusal: Refusal };
