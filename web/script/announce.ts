// What a screen reader says by itself: changes of state, and three moments of the countdown.

import { el } from './dom';
import type { Model } from './model';
import { left } from './view_session';

const MINUTE_MS = 60_000;
/** At which minutes before the end something is said. */
const MARKS = [0, 1, 5] as const;

/** Returns which of the marks was passed last; 0 at the end, null before the first one. */
export function markOf(leftMs: number | null): number | null {
  return leftMs === null ? null : MARKS.find((minutes) => leftMs <= minutes * MINUTE_MS) ?? null;
}

/** Makes the one region that is announced, and returns how to keep it up to date. */
export function announcer(heading: () => string): (model: Model) => void {
  const region = el('div.visually-hidden', { 'aria-live': 'polite', role: 'status' });
  document.body.append(region);
  let said: string | null = null;
  let mark: number | null = null;
  let session = '';
  const say = (text: string): void => {
    region.textContent = text;
  };
  return (model): void => {
    const { saved } = model.state;
    const id = saved.session?.id ?? '';
    const now = saved.session ? markOf(left(saved.session, model.now)) : null;
    const hasPassed = id === session && isPast(mark, now);
    mark = now;
    session = id;
    if (hasPassed && now !== 0 && model.isRunning) say(model.t.count('left.minutes', now ?? 0));
    const text = heading();
    // What only counts down is no news, and neither is what the page began with.
    const news = text.replace(/\d+/g, '');
    if (said !== null && news !== said) say(text);
    said = news;
  };
}

/** Returns whether a mark has been passed on the way to the end. */
function isPast(before: number | null, now: number | null): boolean {
  return now !== null && (before === null || now < before);
}
