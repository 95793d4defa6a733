// The gateway's API. No call throws: an answer that never came has status 0.

import { jsonToBase64 } from './base';
import { classify, members, refusalOf, saleOf, type Answer } from './classify';
import type { Clock } from './clock';
import type { Attempt } from './state';
import type { Asset, Kept, Offer, Operation, Outcome, Prepared, Refusal, Sale, SessionStatus, Status } from './types';

const SHORT_MS = 12_000;
/** The gateway answers a payment after at most half a minute, if need be with a 202. */
const PAYMENT_MS = 60_000;

export interface Call {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly timeoutMs?: number;
}

/** A result, or why there is none. */
export type Result<T> = { readonly ok: T } | { readonly refusal: Refusal };

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

export class Api {
  private readonly base: string;
  private readonly id: string;
  private readonly clock: Clock;
  /** Is told after each call whether it was answered. */
  private readonly heard: (isAnswered: boolean) => void;

  constructor(base: string, asset: string, clock: Clock, heard: (isAnswered: boolean) => void) {
    this.base = base;
    this.id = asset;
    this.clock = clock;
    this.heard = heard;
  }

  /** Sends a request, and learns the time from its answer. */
  async call(path: string, call: Call = {}): Promise<Answer & { readonly headers: Headers }> {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), call.timeoutMs ?? SHORT_MS);
    const sent = performance.now();
    const { method = 'GET', body } = call;
    const headers: Record<string, string> = { accept: 'application/json', ...call.headers };
    if (body !== undefined) headers['content-type'] = 'application/json';
    try {
      const response = await fetch(this.base + path, {
        method,
        headers,
        body: body === undefined ? null : JSON.stringify(body),
        cache: 'no-store',
        redirect: 'error',
        signal: abort.signal,
      });
      const text = await response.text();
      this.heard(true);
      const parsed = parsedJson(text);
      this.clock.learn(members(parsed).now, sent);
      return { status: response.status, retryAfter: response.headers.get('retry-after'), body: parsed, headers: response.headers };
    } catch {
      this.heard(false);
      return { status: 0, retryAfter: null, body: null, headers: new Headers() };
    } finally {
      clearTimeout(timer);
    }
  }

  /** Returns the members of a 200, or the refusal. */
  private async read<T>(path: string, call: Call, isIt: (body: Record<string, unknown>) => boolean): Promise<Result<T>> {
    const answer = await this.call(path, call);
    if (answer.status === 200 && isIt(members(answer.body))) return { ok: answer.body as T };
    const refusal = refusalOf(answer);
    return { refusal: refusal.code ? refusal : { code: 'no_answer', detail: '' } };
  }

  asset(): Promise<Result<Asset>> {
    return this.read(`/assets/${this.id}`, {}, (body) => typeof body.enabled === 'boolean');
  }

  status(): Promise<Result<Status>> {
    return this.read(`/assets/${this.id}/status`, {}, (body) => typeof body.available === 'boolean');
  }

  quote(quantity: number): Promise<Result<Offer>> {
    const path = `/assets/${this.id}/quote?quantity=${quantity}`;
    return this.read(path, {}, (body) => Array.isArray(body.prices) && typeof body.seconds === 'number');
  }

  /** Returns the path of a purchase, and the headers that it needs. */
  private purchase(operation: Operation): readonly [string, Record<string, string>] {
    const path = `/access/${this.id}`;
    return operation.kind === 'access' ? [path, {}] : [`${path}/extend`, bearer(operation.token)];
  }

  /** Fetches a transaction for a wallet to sign. */
  prepare({ operation, account, offer, mint }: Attempt): Promise<Result<Prepared>> {
    const [path, headers] = this.purchase(operation);
    const call = { method: 'POST', headers, body: { account, quantity: offer.quantity, token: mint } };
    const isIt = (body: Record<string, unknown>): boolean =>
      typeof body.transaction === 'string' && typeof body.amount === 'string' && 'accepted' in body;
    return this.read(`${path}/transaction`, call, isIt);
  }

  /** Sends a payment. */
  async pay({ operation, transaction, accepted }: Kept): Promise<Outcome> {
    const [path, headers] = this.purchase(operation);
    const payment = jsonToBase64({ x402Version: 2, accepted, payload: { transaction } });
    const call = { method: 'POST', headers: { ...headers, 'payment-signature': payment }, timeoutMs: PAYMENT_MS };
    return classify(await this.call(path, call));
  }

  session(id: string, token: string): Promise<Result<SessionStatus>> {
    const isIt = (body: Record<string, unknown>): boolean => body.status === 'active' || body.status === 'ended';
    return this.read(`/sessions/${id}/status`, { headers: bearer(token) }, isIt);
  }

  /** Makes a one-time code for another device. */
  makeCode(id: string, token: string): Promise<Result<{ readonly code: string; readonly expiresAt: string }>> {
    const call = { method: 'POST', headers: bearer(token) };
    return this.read(`/sessions/${id}/code`, call, (body) => typeof body.code === 'string');
  }

  /** Exchanges a one-time code for its session. */
  redeem(code: string): Promise<Result<Sale>> {
    const call = { method: 'POST', body: { code } };
    return this.read(`/access/${this.id}/code`, call, (body) => saleOf(body) !== null);
  }

  /** Asks for a challenge to sign in. */
  async challenge(): Promise<string | null> {
    const answer = await this.call(`/access/${this.id}?signin`);
    return answer.headers.get('payment-required');
  }

  /** Returns the running session of the wallet that a proof is from. */
  signIn(proof: string): Promise<Result<Sale>> {
    const call = { headers: { 'sign-in-with-x': proof } };
    return this.read(`/access/${this.id}`, call, (body) => saleOf(body) !== null);
  }
}

/** Returns what a text says as JSON, or null. */
function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
