// The texts of the page, in its language.

export type Values = Readonly<Record<string, string | number>>;

/** Looks up texts. */
export interface Texts {
  /** Returns a text with its `{placeholders}` filled. Its key stands in for a missing one. */
  (key: string, values?: Values): string;
  /** Returns the text `key.one`, `key.other` or another form for a count, which is `{count}`. */
  count(key: string, count: number): string;
  /** Returns whether there is such a text. */
  has(key: string): boolean;
  readonly language: string;
}

/** Returns what looks up the texts of a language. */
export function textsOf(language: string, texts: Readonly<Record<string, string>>): Texts {
  const plural = new Intl.PluralRules(language);
  const has = (key: string): boolean => typeof texts[key] === 'string';
  const text = (key: string, values: Values = {}): string =>
    (texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
  const count = (key: string, number: number): string => {
    const form = `${key}.${plural.select(number)}`;
    return text(has(form) ? form : `${key}.other`, { count: new Intl.NumberFormat(language).format(number) });
  };
  return Object.assign(text, { count, has, language });
}
