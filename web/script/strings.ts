// The texts of the page, in its language.

export type Values = Readonly<Record<string, string | number>>;

export class Strings {
  readonly language: string;
  private readonly texts: Readonly<Record<string, string>>;
  private readonly plural: Intl.PluralRules;

  constructor(language: string, texts: Readonly<Record<string, string>>) {
    this.language = language;
    this.texts = texts;
    this.plural = new Intl.PluralRules(language);
  }

  /** Returns whether there is such a text. */
  has(key: string): boolean {
    return Object.prototype.hasOwnProperty.call(this.texts, key);
  }

  /** Returns a text with its `{placeholders}` filled. Its key stands in for a missing one. */
  text(key: string, values: Values = {}): string {
    const text = this.has(key) ? this.texts[key] : undefined;
    return (text ?? key).replace(/\{(\w+)\}/g, (whole, name: string) => {
      return Object.prototype.hasOwnProperty.call(values, name) ? String(values[name]) : whole;
    });
  }

  /** Returns the text `key.one`, `key.other` or another form for a count, which is `{count}`. */
  count(key: string, count: number, values: Values = {}): string {
    const form = `${key}.${this.plural.select(count)}`;
    const shown = new Intl.NumberFormat(this.language).format(count);
    return this.text(this.has(form) ? form : `${key}.other`, { ...values, count: shown });
  }
}
