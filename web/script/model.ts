// What the views show, and what they can ask for.

import type { Api } from './api';
import type { PageData } from './data';
import { money } from './money';
import type { Event, State } from './state';
import type { Texts } from './strings';
import type { Condition } from './state_line';
import type { Lock, Offer, Price } from './types';
import type { Wallet } from './wallets';
import type { Watched } from './watch';

/** What is known of the world outside the purchase. */
export interface World extends Watched {
  isOnline: boolean;
  readonly wallets: Map<string, Wallet>;
  /** Whether wallets have had time to appear. */
  hasLooked: boolean;
  /** When something was last bought, by the monotonic clock. */
  paidAt: number;
  /** Whether what happens now follows from something that the person did. */
  hasActed: boolean;
}

export interface Model {
  readonly page: PageData;
  readonly world: World;
  readonly state: State;
  readonly now: number;
  readonly t: Texts;
  readonly api: Api;
  /** The price that is shown, in the chosen token. */
  readonly price: Price | null;
  /** That price in words; empty if it is not known. */
  readonly cost: string;
  readonly condition: Condition;
  /** What the device does; null without a device. */
  readonly lock: Lock | null;
  /** Whether the device is being unlocked for a session that was just bought. */
  readonly isOpening: boolean;
  /** Whether no payment is being made. */
  readonly isIdle: boolean;
  /** Whether a session is running. */
  readonly isRunning: boolean;
  /** Whether more time is being chosen for it. */
  readonly isExtending: boolean;
  readonly dispatch: (event: Event) => void;
  /** Dispatches what the person has asked for. The focus may move then. */
  readonly act: (event: Event) => void;
  readonly render: () => void;
}

/** A part of the page that is made once and then kept up to date. */
export interface View {
  readonly node: HTMLElement;
  update(model: Model): void;
}

/** Returns an amount as the page's language writes it. */
export function priced({ t }: Model, display: string): string {
  return money(display, t.language);
}

/** The units that 60 of a shorter one are. */
const LONGER: Readonly<Record<string, string>> = { second: 'minute', minute: 'hour' };

/** Returns a quantity in words, such as "10 seconds", in the longest unit that needs no fraction. */
export function quantified({ t, world }: Model, quantity: number): string {
  let unit: string = world.asset.tariff.unit;
  for (let longer = LONGER[unit]; longer && quantity % 60 === 0; longer = LONGER[unit]) {
    unit = longer;
    quantity /= 60;
  }
  return t.count(`quantity.${unit}`, quantity);
}

/** Returns the offer of a preset, if that quantity is one. */
export function presetOf({ world }: Model, quantity: number): Offer | null {
  return world.asset.tariff.presets?.find((preset) => preset.quantity === quantity) ?? null;
}
