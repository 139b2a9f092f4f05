/* Numbers, times and sizes as people read them. */

export const NONE = '–';

/* In the way of whoever looks; the words around them are English. */
const LOCALE = undefined;

const whole = new Intl.NumberFormat(LOCALE);
const fractions = [0, 1, 2].map((n) => new Intl.NumberFormat(LOCALE, { minimumFractionDigits: n, maximumFractionDigits: n, useGrouping: false }));

const fixed = (value: number, digits: 0 | 1 | 2): string => fractions[digits]?.format(value) ?? '';

export const count = (n: number | null | undefined): string => (n == null ? NONE : whole.format(n));

export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;

export function duration(ms: number | null | undefined): string {
  if (ms == null) return NONE;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${fixed(ms / 1000, ms < 10_000 ? 2 : 1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
  if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)} h ${Math.round((ms % 3_600_000) / 60_000)} min`;
  return `${Math.floor(ms / 86_400_000)} d ${Math.round((ms % 86_400_000) / 3_600_000)} h`;
}

export function bytes(n: number | null | undefined): string {
  if (n == null) return NONE;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let i = 0;
  let value = n;
  for (; value >= 1024 && i < units.length - 1; i++) value /= 1024;
  return `${fixed(value, i === 0 || value >= 100 ? 0 : 1)} ${units[i]}`;
}

const clock = new Intl.DateTimeFormat(LOCALE, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat(LOCALE, { day: '2-digit', month: 'short' });
const full = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium', timeStyle: 'long' });

/* Today's times without the day. */
export function time(iso: string | null | undefined, now = new Date()): string {
  if (!iso) return NONE;
  const at = new Date(iso);
  return at.toDateString() === now.toDateString() ? clock.format(at) : `${day.format(at)} ${clock.format(at)}`;
}

export const fullTime = (iso: string | null | undefined): string => (iso ? full.format(new Date(iso)) : '');
