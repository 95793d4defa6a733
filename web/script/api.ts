// The gateway's API. No call throws: an answer that never came has status 0.

import { jsonToBase64, parsed } from './base';
import { classify, hasAll, members, refusalOf, SALE, type Answer } from './classify';
import type { Clock } from './clock';
import type { Attempt } from './state';
import type { Asset, Kept, Offer, Operation, Outcome, Prepared } from './types';
import type { Refusal, Sale, Session, SessionStatus, Status } from './types';

const SHORT_MS = 12_000;
/** The gateway answers a payment after at most half a minute, if need be with a 202. */
const PAYMENT_MS = 60_000;


type Headers = Readonly<Record<string, string>>;

interface Received extends Answer {
  /** The header `PAYMENT-REQUIRED`. */
  readonly challenge: string | null;
}

/** A result, or why there is none. */
export type Result<T> = { readonly ok: T } | { readonly refusal: Refusal };

const bearer = ({ token }: { readonly token: string }): Headers => ({ authorization: `Bearer ${token}` });

export interface Api {
  asset(): Promise<Result<Asset>>;
  status(): Promise<Result<Status>>;
  quote(quantity: number): Promise<Result<Offer>>;
  /** Fetches a transaction for a wallet to sign. */
  prepare(attempt: Attempt): Promise<Result<Prepared>>;
  /** Sends a payment. */
  pay(kept: Kept): Promise<Outcome>;
  session(session: Session): Promise<Result<SessionStatus>>;
  /** Ends a session before its time. While its device is not locked yet, the status says `stopping`. */
  stop(session: Session): Promise<Result<SessionStatus>>;
  /** Makes a one-time code for another device. */
  makeCode(session: Session): Promise<Result<{ readonly code: string; readonly expiresAt: string }>>;
  /** Exchanges a one-time code for its session. */
  redeem(code: string): Promise<Result<Sale>>;
  /** Returns the header with a challenge to sign in. */
  challenge(): Promise<string | null>;
  /** Returns the running session of the wallet that a proof is from. */
  signIn(proof: string): Promise<Result<Sale>>;
}

/** Makes the API of an asset. `heard` is told after each call whether it was answered. */
export function makeApi(base: string, asset: string, clock: Clock, heard: (isAnswered: boolean) => void): Api {
  const about = `/assets/${asset}`;
  const access = `/access/${asset}`;

  /** Sends a request, and learns the time from its answer. */
  const send = async (
    path: string,
    headers: Headers = {},
    method = 'GET',
    body?: unknown,
    timeoutMs = SHORT_MS,
  ): Promise<Received> => {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), timeoutMs);
    const sent = performance.now();
    try {
      const { signal } = abort;
      const all = body === undefined ? headers : { 'content-type': 'application/json', ...headers };
      const how = { cache: 'no-store', redirect: 'error', signal } as const;
      const call: RequestInit = { method, headers: all, body: JSON.stringify(body), ...how };
      const response = await fetch(base + path, call);
      const answer = parsed(await response.text());
      heard(true);
      clock.learn(members(answer).now, sent);
      const header = (name: string): string | null => response.headers.get(name);
      const [retryAfter, challenge] = [header('retry-after'), header('payment-required')];
      return { status: response.status, retryAfter, body: answer, challenge };
    } catch {
      heard(false);
      return { status: 0, retryAfter: null, body: null, challenge: null };
    } finally {
      clearTimeout(timer);
    }
  };

  /** Returns the body of a success that has all these members, or the refusal. */
  const read = async <T>(names: string, ...call: Parameters<typeof send>): Promise<Result<T>> => {
    const answer = await send(...call);
    if (answer.status < 300 && hasAll(answer.body, names)) return { ok: answer.body as T };
    const refusal = refusalOf(answer);
    return { refusal: refusal.code ? refusal : { code: 'no_answer', detail: '' } };
  };

  /** Returns the path of a purchase, and the headers that it needs. */
  const purchase = (operation: Operation): readonly [string, Headers] =>
    operation.kind === 'access' ? [access, {}] : [`${access}/extend`, bearer(operation)];

  return {
    asset: () => read('tariff', about),
    status: () => read('now', `${about}/status`),
    quote: (quantity) => read('prices', `${about}/quote?quantity=${quantity}`),
    prepare({ operation, account, offer, price }) {
      const [path, headers] = purchase(operation);
      const body = { account, quantity: offer.quantity, token: price.mint };
      return read('transaction accepted', `${path}/transaction`, headers, 'POST', body);
    },
    async pay({ operation, transaction, accepted }) {
      const [path, headers] = purchase(operation);
      const payment = jsonToBase64({ x402Version: 2, accepted, payload: { transaction } });
      return classify(await send(path, { ...headers, 'payment-signature': payment }, 'POST', undefined, PAYMENT_MS));
    },
    session: (session) => read('status', `/sessions/${session.id}/status`, bearer(session)),
    stop: (session) => read('spent', `/sessions/${session.id}/stop`, bearer(session), 'POST'),
    makeCode: (session) => read('code', `/sessions/${session.id}/code`, bearer(session), 'POST'),
    redeem: (code) => read(SALE, `${access}/code`, {}, 'POST', { code }),
    challenge: async () => (await send(`${access}?signin`)).challenge,
    signIn: (proof) => read(SALE, access, { 'sign-in-with-x': proof }),
  };
}
