// The way to pay: wallets, the tap, and what it led to.

import { button, copyButton, disable, el, heading, write, writeOrHide } from './dom';
import type { Model, View } from './model';
import { signInView } from './view_signin';
import type { Attempt, State } from './state';

const SLOW_MS = 3_000;
const SILENT_MS = 60_000;

/** Returns the purchase that is being made, if its payment is not kept yet. */
function attemptOf(state: State): Attempt | null {
  return 'run' in state.flow ? state.flow : null;
}

/** Returns what an attempt is waiting for. */
function progress({ t, now, cost }: Model, { phase, wallet, since }: Attempt): string {
  const values = { wallet, price: cost };
  const waited = now - since;
  if (phase === 'preparing') return t('buy.preparing') + (waited > SLOW_MS ? ` ${t('slow')}` : '');
  return t(waited > SILENT_MS ? 'buy.silent' : `buy.${phase === 'locking' ? 'connecting' : phase}`, values);
}

/** Returns why nothing can be paid now; empty if it can. */
function obstacle({ t, condition, price, isExtending, world }: Model): string {
  if (!world.isOnline) return t('offline');
  if (!isExtending && condition !== 'free') return t(`buy.not.${condition}`);
  return price ? '' : t('buy.not.price');
}

/** Makes the choice between tokens. */
function tokensView(): View {
  const legend = el('legend');
  const node = el('fieldset.tokens', legend);
  const inputs = new Map<string, HTMLInputElement>();
  return {
    node,
    update(model): void {
      const prices = model.state.offer?.prices ?? [];
      write(legend, model.t('buy.token'));
      for (const { token, mint } of prices) {
        if (inputs.has(mint)) continue;
        const input = el('input', { type: 'radio', name: 'token', value: mint });
        input.addEventListener('change', () => model.dispatch({ type: 'token', mint }));
        node.append(el('label', input, ` ${token}`));
        inputs.set(mint, input);
      }
      for (const [mint, input] of inputs) {
        input.checked = mint === model.price?.mint;
        input.disabled = !model.isIdle;
      }
      node.hidden = inputs.size < 2;
    },
  };
}

/** Makes the buttons, one for each wallet. They stay where they are while a payment is made. */
function walletsView(model: () => Model): View {
  const node = el('div.actions');
  const labels = new Map<string, HTMLElement>();
  return {
    node,
    update(now): void {
      const { t, state, world, cost, isExtending } = now;
      for (const [name, { icon }] of world.wallets) {
        if (labels.has(name)) continue;
        const label = el('span');
        const element = button('button primary', '', () => model().act({ type: 'pay', wallet: name }));
        // A wallet's icon is a `data:` URL. Nothing else would be loaded.
        if (icon.startsWith('data:image/')) element.append(el('img.icon', { src: icon, alt: '' }));
        element.append(label);
        labels.set(name, label);
        node.append(element);
      }
      const isBlocked = !now.isIdle || obstacle(now) !== '';
      for (const [wallet, label] of labels) {
        const key = cost === '' ? 'buy.wallet' : isExtending ? 'buy.extend' : 'buy.pay';
        write(label, t(key, { wallet, price: cost }));
        const element = label.parentElement;
        element?.toggleAttribute('data-busy', attemptOf(state)?.wallet === wallet);
        if (element) disable(element, isBlocked);
      }
      node.hidden = labels.size === 0;
    },
  };
}

/** Makes the question of what to do about another tab that is paying. */
function elsewhereView(model: () => Model): View {
  const { t } = model();
  const here = button('button', t('elsewhere.here'), () => model().dispatch({ type: 'here' }));
  const leave = button('button quiet', t('cancel'), () => model().dispatch({ type: 'cancel' }));
  const node = el('div.aside', el('p', t('elsewhere')), el('div.actions', here, leave));
  return {
    node,
    update({ state }): void {
      node.hidden = state.flow.phase !== 'elsewhere';
    },
  };
}

/** Makes what is shown while no wallet is found: the server's links, and a link to copy. */
function linksView(given: readonly Node[], model: () => Model): View {
  const { t, page } = model();
  const link = (): string => page.page + location.search;
  const field = el('input', { type: 'text', readonly: '', 'aria-label': t('link.label') });
  field.hidden = true;
  const copyLink = copyButton(t, 'link.copy', link, () => {
    field.value = link();
    field.hidden = false;
    field.select();
  });
  const insecure = document.getElementById('insecure') ?? el('p.warning', t('insecure'));
  const ways = window.isSecureContext ? [el('p', t('buy.none')), ...given] : [insecure];
  const node = el('div.links', ...ways, el('div.actions', copyLink), field);
  return {
    node,
    update({ world, state }): void {
      node.hidden = world.wallets.size > 0 || (window.isSecureContext && !world.hasLooked);
      const { offer } = state;
      if (!offer) return;
      // The links lead to the quantity that was chosen.
      for (const a of node.querySelectorAll('a')) a.href = a.href.replace(/(quantity%3D)\d+/, `$1${offer.quantity}`);
    },
  };
}

/** Makes the block for paying. `given` is what the server has written there. */
export function payView(given: readonly Node[], model: () => Model): View {
  const { t } = model();
  const title = heading('h2', t('buy.title'));
  const warning = el('p.warning', t('buy.device'));
  const linked = el('p.warning', t('linked.extend'));
  const why = el('p.hint');
  const doing = el('p.progress');
  const cancel = button('button quiet', t('cancel'), () => model().dispatch({ type: 'cancel' }));
  const looking = el('p.progress', t('buy.looking'));
  const above = [tokensView(), walletsView(model)];
  const signIn = signInView(model);
  const below = [elsewhereView(model), linksView(given, model), signIn];
  const nodes = (views: readonly View[]): readonly HTMLElement[] => views.map((view) => view.node);
  const node = el('div.block.pay', title, warning, linked, ...nodes(above), why, doing, cancel, looking, ...nodes(below));
  return {
    node,
    update(now): void {
      const { state, world, isExtending } = now;
      const attempt = attemptOf(state);
      const stop = obstacle(now);
      for (const view of [...above, ...below]) view.update(now);
      signIn.node.hidden ||= isExtending;
      warning.hidden = now.lock !== 'unknown' || stop !== '' || isExtending;
      linked.hidden = !isExtending || !state.saved.session?.isLinked;
      writeOrHide(why, attempt || !world.isOnline || !window.isSecureContext ? '' : stop);
      writeOrHide(doing, attempt ? progress(now, attempt) : '');
      cancel.hidden = !attempt || attempt.phase === 'keeping';
      looking.hidden = world.hasLooked || world.wallets.size > 0 || !window.isSecureContext;
      node.toggleAttribute('data-extending', isExtending);
    },
  };
}
