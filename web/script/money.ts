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

/** Returns the sum of amounts such as `"0.01 USDC"`; null if they are not all in one token. */
export function sum(displays: readonly string[]): string | null {
  const parts = displays.map((display) => DISPLAY.exec(display) ?? []);
  const token = parts[0]?.[3];
  if (!token || parts.some((part) => part[3] !== token)) return null;
  const places = Math.max(...parts.map(([, , fraction = '']) => fraction.length));
  const units = parts.map(([, whole = '', fraction = '']) => BigInt(whole + fraction.padEnd(places, '0')));
  const digits = String(units.reduce((one, other) => one + other)).padStart(places + 1, '0');
  const whole = digits.slice(0, digits.length - places);
  return `${whole}${places > 0 ? `.${digits.slice(-places)}` : ''} ${token}`;
}
