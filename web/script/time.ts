// Times for people, in their own time zone.

const DAY_SECONDS = 86_400;

/** How near a time is told with its seconds, in milliseconds. */
const NEAR_MS = 600_000;

/** Returns a time of day, with its seconds if it is near, and with its date if it is not today. */
export function timeOfDay(at: number, now: number, language: string): string {
  const isToday = new Date(at).toDateString() === new Date(now).toDateString();
  const second = Math.abs(at - now) < NEAR_MS ? '2-digit' : undefined;
  const time = { hour: 'numeric', minute: '2-digit', second } as const;
  const date = { day: 'numeric', month: 'short' } as const;
  return new Intl.DateTimeFormat(language, isToday ? time : { ...date, ...time }).format(at);
}

/** Returns a date and a time with seconds and the zone, for a receipt. */
export function exactly(at: number, language: string): string {
  const options = { dateStyle: 'medium', timeStyle: 'long' } as const;
  return new Intl.DateTimeFormat(language, options).format(at);
}

/** Returns what is left as digits, such as `4:05` or `1:00:00`, and days apart. Begun seconds count. */
export function countdown(leftMs: number): { readonly days: number; readonly digits: string } {
  const seconds = Math.ceil(Math.max(leftMs, 0) / 1000);
  const days = Math.floor(seconds / DAY_SECONDS);
  const clock = new Date((seconds % DAY_SECONDS) * 1000).toISOString().slice(11, 19);
  return { days, digits: clock.replace(days > 0 ? /^0/ : /^(00:)?0?/, '') };
}

/** Returns what is left in the machine's form, such as `PT245S`. */
export function duration(leftMs: number): string {
  return `PT${Math.ceil(Math.max(leftMs, 0) / 1000)}S`;
}
