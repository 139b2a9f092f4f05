/* The filter of the list of submissions: in the address, in the question to the server, and for rows
 * that come over the stream. */

import type { Item } from './api';

export const SORTS = ['submitted_at', 'finished_at', 'duration_ms', 'memory_bytes'] as const;
export type SortKey = (typeof SORTS)[number];

const PLAIN = ['state', 'status', 'language', 'id_prefix', 'since', 'until', 'sort'] as const;
export const DEFAULT_SORT = '-submitted_at';

/* `within` (seconds up to now) is the page's own; an instant wins over it. */
function sinceOf(query: URLSearchParams, now: number): string | null {
  const within = Number(query.get('within'));
  return query.get('since') ?? (within > 0 ? new Date(now - within * 1000).toISOString() : null);
}

export const isNarrowed = (query: URLSearchParams): boolean => [...query.keys()].some((k) => k !== 'sort');

/* The query of GET /results. */
export function questionOf(query: URLSearchParams, now: number): URLSearchParams {
  const question = new URLSearchParams();
  for (const name of PLAIN) {
    const value = query.get(name);
    if (value) question.set(name, value);
  }
  for (const label of query.getAll('label')) question.append('label', label);
  const since = sinceOf(query, now);
  if (since) question.set('since', since);
  return question;
}

/* name:value, as the server takes it, but for the value's length. */
export const isLabel = (text: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}:/.test(text);

/* No name has a colon. */
function hasLabel(item: Item, label: string): boolean {
  const colon = label.indexOf(':');
  return item.labels[label.slice(0, colon)] === label.slice(colon + 1);
}

export function fits(item: Item, query: URLSearchParams, now: number): boolean {
  const wants = (name: string, value: string | null) => !query.get(name) || query.get(name) === value;
  const since = sinceOf(query, now);
  const until = query.get('until');
  const at = Date.parse(item.submitted_at);
  return wants('state', item.state) && wants('status', item.status) && wants('language', item.language)
    && item.id.startsWith(query.get('id_prefix') ?? '')
    && query.getAll('label').every((label) => hasLabel(item, label))
    && (!since || at >= Date.parse(since)) && (!until || at < Date.parse(until));
}
