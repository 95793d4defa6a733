// The way to pay: wallets, the tap, and what it led to.

import { button, copy, disable, el, write, writeOrHide } from './dom';
import { shown } from './machine';
import { priced, type Model, type View } from './model';
import { noticeText } from './notices';
import { isRunning } from './session';
import { signInView } from './view_signin';
import type { Condition } from './state_line';
import type { Attempt, State } from './state';
import type { Price } from './types';

const SLOW_MS = 3_000;
const SILENT_MS = 60_000;

/** Returns whether a purchase is being made whose payment is not kept yet. */
function attemptOf(state: State): Attempt | null {
  return 'run' in state.flow ? state.flow : null;
}

/** Returns what an attempt is waiting for. */
function progress(model: Model, attempt: Attempt): string {
  const { texts, now } = model;
  const values = { wallet: attempt.wallet, price: attempt.prepared ? priced(model, attempt.prepared.display) : '' };
  const waited = now - attempt.since;
  const phase = attempt.phase === 'locking' ? 'connecting' : attempt.phase;
  const text = texts.text(`buy.${phase}`, values);
  if (phase === 'preparing' && waited > SLOW_MS) return `${text} ${texts.text('slow')}`;
  if ((phase === 'signing' || phase === 'connecting') && waited > SILENT_MS) return texts.text('buy.silent', values);
  return text;
}

/** Returns why nothing can be paid now; empty if it can. */
function obstacle(model: Model, condition: Condition, price: Price | null, isExtending: boolean): string {
  const { texts } = model;
  if (!isExtending && condition !== 'free') {
    return condition === 'yours' ? '' : texts.text(`buy.not.${condition}`);
  }
  return price ? '' : texts.text('buy.not.price');
}

/** Makes the choice between tokens. */
function tokensView(): View {
  const legend = el('legend');
  const node = el('fieldset', { class: 'tokens' }, legend);
  const inputs = new Map<string, HTMLInputElement>();
  return {
    node,
    update(model): void {
      const prices = model.state.offer?.prices ?? [];
      write(legend, model.texts.text('buy.token'));
      for (const { token, mint } of prices) {
        if (inputs.has(mint)) continue;
        const input = el('input', { type: 'radio', name: 'token', value: mint });
        input.addEventListener('change', () => model.dispatch({ type: 'token', mint }));
        node.append(el('label', {}, input, ` ${token}`));
        inputs.set(mint, input);
      }
      const chosen = shown(model.state.offer, model.state.mint)?.mint;
      for (const [mint, input] of inputs) {
        input.checked = mint === chosen;
        input.disabled = model.state.flow.phase !== 'idle';
      }
      node.hidden = inputs.size < 2;
    },
  };
}

/** Makes the buttons, one for each wallet. They stay where they are while a payment is made. */
function walletsView(act: (wallet: string) => void): View & { block(isBlocked: boolean): void } {
  const node = el('div', { class: 'actions' });
  const buttons = new Map<string, { element: HTMLButtonElement; label: HTMLElement }>();
  let isBlocked = true;
  return {
    node,
    block(now): void {
      isBlocked = now;
    },
    update(model): void {
      const { texts, state, world } = model;
      for (const [name, wallet] of world.wallets) {
        if (buttons.has(name)) continue;
        const label = el('span');
        const element = button('button primary', '', () => act(name));
        // A wallet's icon is a `data:` URL. Nothing else would be loaded.
        if (wallet.icon.startsWith('data:image/')) element.append(el('img', { src: wallet.icon, alt: '', class: 'icon' }));
        element.append(label);
        buttons.set(name, { element, label });
        node.append(element);
      }
      const price = shown(state.offer, state.mint);
      const attempt = attemptOf(state);
      for (const [name, { element, label }] of buttons) {
        const values = { wallet: name, price: price ? priced(model, price.display) : '' };
        const key = state.isExtending ? 'buy.extend' : 'buy.pay';
        write(label, texts.text(price ? key : 'buy.wallet', values));
        element.toggleAttribute('data-busy', attempt?.wallet === name);
        disable(element, isBlocked || state.flow.phase !== 'idle');
      }
      node.hidden = buttons.size === 0;
    },
  };
}

/** Makes the question of what to do about another tab that is paying. */
function elsewhereView(model: () => Model): View {
  const { texts } = model();
  const here = button('button', texts.text('elsewhere.here'), () => model().dispatch({ type: 'here' }));
  const leave = button('button quiet', texts.text('cancel'), () => model().dispatch({ type: 'cancel' }));
  const node = el('div', { class: 'aside' }, el('p', {}, texts.text('elsewhere')), el('div', { class: 'actions' }, here, leave));
  return {
    node,
    update({ state }): void {
      node.hidden = state.flow.phase !== 'elsewhere';
    },
  };
}

/** Makes what is shown while no wallet is found: the server's links, and a link to copy. */
function linksView(given: readonly Node[], model: () => Model): View {
  const { texts, page } = model();
  const field = el('input', { type: 'text', readonly: '', value: page.page, 'aria-label': texts.text('link.label') });
  field.hidden = true;
  const copyLink = button('button quiet', texts.text('link.copy'), () => {
    void copy(page.page).then((isCopied) => {
      write(copyLink, texts.text(isCopied ? 'link.copied' : 'link.copy'));
      field.hidden = isCopied;
      if (!isCopied) field.select();
    });
  });
  const insecure = document.getElementById('insecure') ?? el('p', { class: 'warning' }, texts.text('insecure'));
  const ways = window.isSecureContext ? given : [insecure];
  const node = el('div', { class: 'links' }, ...ways, el('div', { class: 'actions' }, copyLink), field);
  return {
    node,
    update({ world }): void {
      node.hidden = world.wallets.size > 0 || (window.isSecureContext && !world.hasLooked);
    },
  };
}

/** Makes the block for paying. `given` is what the server has written there. */
export function payView(given: readonly Node[], condition: (model: Model) => Condition, model: () => Model): View {
  const { texts } = model();
  const act = (wallet: string): void => {
    model().world.hasActed = true;
    model().dispatch({ type: 'pay', wallet });
  };
  const heading = el('h2', { tabindex: '-1' }, texts.text('buy.title'));
  const notice = el('p', { class: 'notice' });
  const warning = el('p', { class: 'warning' }, texts.text('buy.device'));
  const why = el('p', { class: 'hint' });
  const doing = el('p', { class: 'progress' });
  const cancel = button('button quiet', texts.text('cancel'), () => model().dispatch({ type: 'cancel' }));
  const looking = el('p', { class: 'progress' }, texts.text('buy.looking'));
  const wallets = walletsView(act);
  const views = [tokensView(), wallets, elsewhereView(model), linksView(given, model), signInView(model)];
  const [tokens, , elsewhere, links, signIn] = views.map((view) => view.node);
  const node = el('div', { class: 'block pay' }, heading, notice, warning, tokens ?? null, wallets.node, why, doing, cancel);
  node.append(...[elsewhere, looking, links, signIn].filter((one): one is HTMLElement => one !== undefined));
  return {
    node,
    update(now): void {
      const { state, world } = now;
      const attempt = attemptOf(state);
      const isExtending = state.isExtending && isRunning(state.saved.session, now.now);
      const stop = obstacle(now, condition(now), shown(state.offer, state.mint), isExtending);
      wallets.block(stop !== '');
      for (const view of views) view.update(now);
      const text = state.notice ? noticeText(now, state.notice) : '';
      writeOrHide(notice, text);
      notice.dataset.key = state.notice?.key ?? '';
      warning.hidden = world.status?.device?.state !== 'unknown' || stop !== '' || isExtending;
      writeOrHide(why, attempt ? '' : stop);
      writeOrHide(doing, attempt ? progress(now, attempt) : '');
      cancel.hidden = !attempt || attempt.phase === 'keeping';
      looking.hidden = world.hasLooked || world.wallets.size > 0 || !window.isSecureContext;
      node.toggleAttribute('data-extending', isExtending);
    },
  };
}
