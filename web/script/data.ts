// What the server has written into the page.

import { parsed } from './base';
import type { Asset, Offer, Status } from './types';

export interface PageData {
  readonly lang: string;
  /** The page's canonical URL. */
  readonly page: string;
  /** The API's path, such as `/api/v1`. */
  readonly api: string;
  /** A URL with `{transaction}`. */
  readonly explorer: string;
  /** The chain's name in the Wallet Standard. */
  readonly chain: string;
  readonly asset: Asset;
  readonly status: Status | null;
  readonly quote: Offer | null;
  readonly strings: Readonly<Record<string, string>>;
}

/** Returns the page's data; null if there is none, as on pages without an asset. */
export function pageData(): PageData | null {
  return parsed(document.getElementById('data')?.textContent ?? '') as PageData | null;
}
