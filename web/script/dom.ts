// Elements, made without any HTML text.

import type { Texts } from './strings';

/** How long a button says that it has copied. */
const COPIED_MS = 3_000;

export type Child = Node | string | null;

type Attributes = Readonly<Record<string, string>>;

type Tag = keyof HTMLElementTagNameMap;

/** Makes an element. Its name may be followed by classes, as in `p.notice`. */
export function el<K extends Tag>(
  name: K | `${K}.${string}`,
  ...rest: readonly (Child | Attributes)[]
): HTMLElementTagNameMap[K] {
  const [tag, ...classes] = name.split('.');
  const element = document.createElement(tag as K);
  if (classes.length > 0) element.className = classes.join(' ');
  for (const one of rest) {
    if (one instanceof Node || typeof one === 'string') element.append(one);
    else for (const [key, value] of Object.entries(one ?? {})) element.setAttribute(key, value);
  }
  return element;
}

/** Makes a heading that can take the focus. */
export function heading(name: 'h2' | 'h3', text = ''): HTMLElement {
  return el(name, { tabindex: '-1' }, text);
}

/** Makes a button that does something. While it is disabled it stays reachable, and does nothing. */
export function button(style: string, label: string, act: () => void): HTMLButtonElement {
  const element = el('button', { type: 'button', class: style }, label);
  element.addEventListener('click', () => {
    if (element.getAttribute('aria-disabled') !== 'true') act();
  });
  return element;
}

/** Makes a button that opens and closes a part, which begins closed. Its heading takes the focus. */
export function toggle(style: string, label: string, part: HTMLElement, opened?: () => void): HTMLButtonElement {
  const show = (isOpen: boolean): void => {
    part.hidden = !isOpen;
    element.setAttribute('aria-expanded', String(isOpen));
  };
  const element = button(style, label, () => {
    show(part.hidden);
    opened?.();
    part.querySelector('h3')?.focus();
  });
  show(false);
  return element;
}

/** Writes a text, if it is another one. */
export function write(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Writes a text and hides the element if there is none. */
export function writeOrHide(element: HTMLElement, text: string): void {
  write(element, text);
  element.hidden = text === '';
}

/** Sets an attribute to `true`, or takes it away. */
export function mark(element: Element, name: string, isSo: boolean): void {
  if (isSo) element.setAttribute(name, 'true');
  else element.removeAttribute(name);
}

/** Disables or enables a button without taking the focus from it. */
export function disable(element: Element, isDisabled: boolean): void {
  mark(element, 'aria-disabled', isDisabled);
}

/** Returns the pieces of a text, with nodes in the places of its `{placeholders}`. */
export function pieces(text: string, nodes: Readonly<Record<string, Child>>): Child[] {
  return text.split(/(\{\w+\})/).map((piece) => nodes[piece.slice(1, -1)] ?? piece);
}

/** Makes a button that copies a text. `failed` is called if the browser does not allow that. */
export function copyButton(t: Texts, key: string, text: () => string, failed?: () => void): HTMLButtonElement {
  const label = t(key);
  const element = button('button', label, () => {
    navigator.clipboard.writeText(text()).then(
      () => {
        write(element, t('link.copied'));
        setTimeout(() => write(element, label), COPIED_MS);
      },
      () => failed?.(),
    );
  });
  return element;
}
