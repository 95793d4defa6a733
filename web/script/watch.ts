// What the gateway says of the asset, asked again and again.

import type { Api, Result } from './api';
import type { PageData } from './data';
import { write } from './dom';
import { money } from './money';
import { isUnavailable } from './state_line';
import type { Asset, Status } from './types';

/** How many answers may be missing before the page says so. */
const MISSES = 2;
/** How long a name and a price are shown before they are fetched again. */
const ASSET_MS = 60_000;

/** What is known of the asset. */
export interface Watched {
  asset: Asset;
  status: Status | null;
  /** Whether the gateway did not tell its status when last asked. */
  isDown: boolean;
}

/** Returns what is known of the asset when the page is opened. */
export function watched({ asset, status }: PageData): Watched {
  return { asset, status, isDown: !status };
}

export interface Watch {
  /** Asks for the status; and for the asset, if it may have changed. */
  ask(): Promise<void>;
  /** Asks for the asset. */
  askAsset(): Promise<void>;
}

/** What happens to an asset while its page is open. */
export interface Changes {
  /** There are other prices. */
  repriced(): void;
  /** There are other units or quantities, which only the server can write. */
  reshaped(): void;
}

/** Returns what the server alone writes of an asset, as a text to compare. */
function shapeOf({ tariff: { unit, minQuantity, maxQuantity, presets } }: Asset): string {
  return JSON.stringify([unit, minQuantity, maxQuantity, presets?.map(({ quantity }) => quantity)]);
}

/** Makes what keeps `known` and the server's lines up to date. */
export function makeWatch(known: Watched, api: Api, language: string, changes: Changes): Watch {
  let misses = 0;
  let askedAt = performance.now();
  const showAsset = assetLines(known.asset, language);
  const shape = shapeOf(known.asset);

  const learn = (result: Result<Asset>): void => {
    if (!('ok' in result)) return;
    const before = JSON.stringify(known.asset.tariff);
    known.asset = { ...known.asset, ...result.ok };
    showAsset(known.asset);
    if (JSON.stringify(known.asset.tariff) !== before) changes.repriced();
    if (shapeOf(known.asset) !== shape) changes.reshaped();
  };
  const askAsset = async (): Promise<void> => {
    askedAt = performance.now();
    learn(await api.asset());
  };

  showAsset(known.asset);
  return {
    askAsset,
    async ask(): Promise<void> {
      const result = await api.status();
      misses = 'ok' in result ? 0 : misses + 1;
      if ('ok' in result) known.status = result.ok;
      known.isDown = !known.status || misses >= MISSES;
      if (isUnavailable(known.status) || performance.now() - askedAt > ASSET_MS) await askAsset();
    },
  };
}

/** Returns what writes the asset's name and its price in the page's language into the server's lines. */
function assetLines(asset: Asset, language: string): (asset: Asset) => void {
  const [name, line] = [document.querySelector('h1'), document.querySelector('.price')];
  const displays = ({ tariff }: Asset): string[] => tariff.prices.map((price) => price.display);
  let before = displays(asset);
  return (now) => {
    const after = displays(now).map((display) => money(display, language));
    before.forEach((text, index) => line && write(line, line.textContent.replace(text, after[index] ?? text)));
    before = after;
    if (name) write(name, now.name);
  };
}
