// How much to buy: the presets, the number, and the price of it.

import { el, mark, pieces, write } from './dom';
import { shown } from './purchase';
import { presetOf, priced, quantified, type Model } from './model';

const PAUSE_MS = 300;

/** Returns a text as a quantity within the tariff's bounds, or null. */
export function quantityOf(text: string, min: number, max: number): number | null {
  const quantity = /^\d{1,15}$/.test(text.trim()) ? Number(text) : NaN;
  return quantity >= min && quantity <= max ? quantity : null;
}

export interface Order {
  readonly node: HTMLElement;
  /** Shows the first price. */
  start(): void;
  /** Fetches the price again, if it is missing or if `always`. */
  refresh(always: boolean): void;
  update(model: Model): void;
}

/** Takes over what the server has written for the choice of a quantity. */
export function makeOrder(node: HTMLElement, model: () => Model): Order {
  const { page } = model();
  const input = node.querySelector('input');
  const total = node.querySelector('.total');
  let quantity = page.quote?.quantity ?? page.asset.tariff.minQuantity;
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** The number of the latest request. Answers to earlier ones are thrown away. */
  let asked = 0;
  /** Why there is no price; empty while there is one, or while it is fetched. */
  let fault = '';

  /** Returns whether the quantity can't be changed now, because a payment for it is being made. */
  const isFixed = (): boolean => !model().isIdle;

  const ask = async (): Promise<void> => {
    const mine = ++asked;
    const result = await model().api.quote(quantity);
    if (mine !== asked) return;
    fault = 'ok' in result ? '' : result.refusal.code;
    model().dispatch({ type: 'offer', offer: 'ok' in result ? result.ok : null });
  };

  const choose = (wanted: number | null, pause: number): void => {
    if (isFixed()) return;
    clearTimeout(timer);
    asked += 1;
    fault = wanted === null ? 'invalid_quantity' : '';
    quantity = wanted ?? 0;
    const preset = presetOf(model(), quantity);
    model().dispatch({ type: 'offer', offer: preset });
    if (wanted === null) return;
    const url = new URL(location.href);
    url.searchParams.set('quantity', String(quantity));
    history.replaceState(history.state, '', url);
    if (!preset) timer = setTimeout(() => void ask(), pause);
  };

  const typed = (pause: number): void => {
    const { minQuantity, maxQuantity } = model().world.asset.tariff;
    choose(quantityOf(input?.value ?? '', minQuantity, maxQuantity), pause);
  };

  node.addEventListener('click', (event) => {
    const link = (event.target as Element).closest<HTMLElement>('[data-quantity]');
    if (!link) return;
    event.preventDefault();
    if (isFixed()) return;
    choose(Number(link.dataset.quantity), 0);
    if (input) input.value = String(quantity);
  });
  node.addEventListener('submit', (event) => {
    event.preventDefault();
    typed(0);
  });
  input?.addEventListener('input', () => typed(PAUSE_MS));
  // A wheel scrolls the page, and changes no quantity by accident.
  input?.addEventListener('wheel', () => input.blur(), { passive: true });
  total?.setAttribute('aria-live', 'polite');

  /** Shows the price, or why there is none. */
  const showTotal = (now: Model): void => {
    const { t, world, cost } = now;
    const { offer } = now.state;
    if (!total) return;
    if (!offer || !cost) {
      const { minQuantity: min, maxQuantity: max } = world.asset.tariff;
      const key = fault === '' ? 'loading' : t.has(`total.${fault}`) ? fault : 'no_answer';
      return write(total, t(`total.${key}`, { min, max }));
    }
    const nodes = { quantity: quantified(now, offer.quantity), price: el('strong', cost) };
    const parts = el('p', ...pieces(t('total'), nodes));
    // Nothing is written twice, because each change is announced.
    if (parts.textContent !== total.textContent || !total.firstElementChild) total.replaceChildren(...parts.childNodes);
  };

  return {
    node,
    start(): void {
      if (page.quote) model().dispatch({ type: 'offer', offer: page.quote });
      else void ask();
    },
    refresh(always): void {
      if (always || fault === 'no_answer') void ask();
    },
    update(now): void {
      for (const link of node.querySelectorAll<HTMLElement>('[data-quantity]')) {
        const preset = Number(link.dataset.quantity);
        mark(link, 'aria-current', preset === quantity);
        mark(link, 'aria-disabled', !now.isIdle);
        const price = shown(presetOf(now, preset), now.state.mint);
        const span = link.querySelector('span');
        if (price && span) write(span, priced(now, price.display));
      }
      node.toggleAttribute('data-fixed', !now.isIdle);
      if (input) {
        input.readOnly = !now.isIdle;
        mark(input, 'aria-invalid', fault === 'invalid_quantity');
      }
      showTotal(now);
    },
  };
}
