// Amounts for people, exactly as the gateway writes them. They never become floating-point numbers.

const DISPLAY = /^(\d+)(?:\.(\d+))?(?: (.+))?$/;

/** Returns the decimal separator of a language: what stands between the two digits of 1.5. */
function point(language: string): string {
  return new Intl.NumberFormat(language).format(1.5).slice(1, -1);
}

/** Returns `"1234.50 USDC"` as the language writes it, such as `"1.234,50 USDC"`; anything else unchanged. */
export function money(display: string, language: string): string {
  const [, whole, fraction, token] = DISPLAY.exec(display) ?? [];
  if (whole === undefined) return display;
  const integer = new Intl.NumberFormat(language).format(BigInt(whole));
  const number = fraction === undefined ? integer : integer + point(language) + fraction;
  // The space does not break, so that the token stays with its number.
  return token === undefined ? number : `${number}\u00a0${token}`;
}
