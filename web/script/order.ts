// How much to buy: the presets, the number, and the price of it.

import { el, pieces, write } from './dom';
import { presetOf, priced, quantified, type Model } from './model';
import { shown } from './machine';
import type { Offer } from './types';

const PAUSE_MS = 300;

/** Returns a text as a quantity within the tariff's bounds, or null. */
export function quantityOf(text: string, min: number, max: number): number | null {
  const quantity = /^\d{1,15}$/.test(text.trim()) ? Number(text) : Number.NaN;
  return quantity >= min && quantity <= max ? quantity : null;
}

export class Order {
  readonly node: HTMLElement;
  private readonly input: HTMLInputElement | null;
  private readonly total: HTMLElement | null;
  private readonly model: () => Model;
  private quantity: number;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asked = 0;
  private fault = '';
  private shown: Offer | null = null;
  private mint: string | null = null;

  constructor(node: HTMLElement, model: () => Model) {
    this.node = node;
    this.model = model;
    this.input = node.querySelector<HTMLInputElement>('#quantity');
    this.total = document.getElementById('total');
    this.total?.setAttribute('aria-live', 'polite');
    const { page } = model();
    this.quantity = page.quote?.quantity ?? page.asset.tariff.minQuantity;
    node.querySelector('.presets')?.addEventListener('click', (event) => this.tapped(event));
    this.input?.addEventListener('input', () => this.typed(PAUSE_MS));
    node.querySelector('form')?.addEventListener('submit', (event) => {
      event.preventDefault();
      this.typed(0);
    });
  }

  /** Shows the first price. */
  start(): void {
    const { page, dispatch } = this.model();
    if (page.quote) dispatch({ type: 'offer', offer: page.quote });
    else this.choose(this.quantity, 0);
  }

  /** Fetches the price again, if it is missing or if `always`. */
  refresh(always: boolean): void {
    if (always || this.fault === 'no_answer') void this.ask(this.quantity);
  }

  private tapped(event: Event): void {
    const link = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-quantity]') : null;
    if (!link) return;
    event.preventDefault();
    if (this.isFixed()) return;
    this.choose(Number(link.dataset.quantity), 0);
    if (this.input) this.input.value = String(this.quantity);
  }

  private typed(pause: number): void {
    if (this.isFixed()) return;
    const { minQuantity, maxQuantity } = this.model().world.asset.tariff;
    const quantity = quantityOf(this.input?.value ?? '', minQuantity, maxQuantity);
    if (quantity !== null) return this.choose(quantity, pause);
    clearTimeout(this.timer);
    this.asked += 1;
    this.fault = 'invalid_quantity';
    this.model().dispatch({ type: 'offer', offer: null });
  }

  /** Returns whether the quantity can't be changed now, because a payment for it is being made. */
  private isFixed(): boolean {
    return this.model().state.flow.phase !== 'idle';
  }

  private choose(quantity: number, pause: number): void {
    const model = this.model();
    if (quantity === this.quantity && model.state.offer?.quantity === quantity) return;
    clearTimeout(this.timer);
    this.quantity = quantity;
    this.fault = '';
    this.asked += 1;
    const preset = presetOf(model, quantity);
    model.dispatch({ type: 'offer', offer: preset });
    const url = new URL(location.href);
    url.searchParams.set('quantity', String(quantity));
    history.replaceState(history.state, '', url);
    if (!preset) this.timer = setTimeout(() => void this.ask(quantity), pause);
  }

  private async ask(quantity: number): Promise<void> {
    const asked = ++this.asked;
    const { api, dispatch } = this.model();
    const result = await api.quote(quantity);
    if (asked !== this.asked) return;
    this.fault = 'ok' in result ? '' : result.refusal.code;
    dispatch({ type: 'offer', offer: 'ok' in result ? result.ok : null });
  }

  update(model: Model): void {
    const { state, texts } = model;
    const { tariff } = model.world.asset;
    for (const link of this.node.querySelectorAll<HTMLElement>('[data-quantity]')) {
      const quantity = Number(link.dataset.quantity);
      if (quantity === this.quantity && this.fault !== 'invalid_quantity') link.setAttribute('aria-current', 'true');
      else link.removeAttribute('aria-current');
      const price = shown(presetOf(model, quantity), state.mint);
      const span = link.querySelector('span');
      if (price && span) write(span, priced(model, price.display));
    }
    this.node.toggleAttribute('data-fixed', this.isFixed());
    if (this.input) this.input.readOnly = this.isFixed();
    this.input?.setAttribute('aria-invalid', String(this.fault === 'invalid_quantity'));
    const total = this.total;
    if (!total) return;
    const price = shown(state.offer, state.mint);
    if (this.fault) {
      const bounds = { min: tariff.minQuantity, max: tariff.maxQuantity };
      const key = texts.has(`total.${this.fault}`) ? `total.${this.fault}` : 'total.no_answer';
      this.shown = null;
      return write(total, texts.text(key, bounds));
    }
    if (!state.offer || !price) {
      this.shown = null;
      return write(total, texts.text('total.loading'));
    }
    if (state.offer === this.shown && state.mint === this.mint) return;
    this.shown = state.offer;
    this.mint = state.mint;
    const nodes = {
      quantity: document.createTextNode(quantified(model, state.offer.quantity)),
      price: el('strong', {}, priced(model, price.display)),
    };
    total.replaceChildren(...pieces(texts.text('total'), nodes).filter((piece) => piece !== null));
  }
}
