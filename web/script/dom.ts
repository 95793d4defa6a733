// Elements, made without any HTML text.

export type Child = Node | string | null;

/** Makes an element with attributes and children. */
export function el<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.filter((child): child is Node | string => child !== null));
  return element;
}

/** Makes a button that does something. While it is disabled it stays reachable, and does nothing. */
export function button(style: string, label: string, act: () => void): HTMLButtonElement {
  const element = el('button', { type: 'button', class: style }, label);
  element.addEventListener('click', () => {
    if (element.getAttribute('aria-disabled') !== 'true') act();
  });
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

/** Disables or enables a button without taking the focus from it. */
export function disable(element: HTMLElement, isDisabled: boolean): void {
  if (isDisabled) element.setAttribute('aria-disabled', 'true');
  else element.removeAttribute('aria-disabled');
}

/** Returns the pieces of a text, with nodes in the places of its `{placeholders}`. */
export function pieces(text: string, nodes: Readonly<Record<string, Node>>): Child[] {
  return text.split(/(\{\w+\})/).map((piece) => nodes[piece.slice(1, -1)] ?? piece);
}

/** Copies a text, and returns whether that worked. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
