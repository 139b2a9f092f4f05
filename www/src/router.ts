/* The address behind the # is the page: #/submissions?status=WA, #/submissions/ID. */

import { Store, useStore } from './store';

export interface Route {
  name: string; /* '' is the overview */
  id: string | null; /* decoded */
  query: URLSearchParams;
  entry: string; /* of the history: who comes back to it finds the same */
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function entryOf(): string {
  const known = (history.state as { entry?: string } | null)?.entry;
  if (known) return known;
  const entry = `${Date.now()} ${Math.random()}`;
  history.replaceState({ entry }, '');
  return entry;
}

function read(): Route {
  const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  const [name = '', id] = path.split('/');
  return { name, id: id ? decode(id) : null, query: new URLSearchParams(query), entry: entryOf() };
}

const route = new Store<Route>(read());

export function startRouter(): void {
  window.addEventListener('hashchange', () => (route.value = read()));
}

export const useRoute = (): Route => useStore(route);

export const submissionPath = (id: string): string => `#/submissions/${encodeURIComponent(id)}`;

export function go(hash: string): void {
  location.hash = hash;
}

/* The same page with another query, without a new entry in the history. */
export function replaceQuery(query: URLSearchParams): void {
  const text = query.toString();
  const [path] = location.hash.split('?');
  history.replaceState(history.state, '', `${path || '#/'}${text ? `?${text}` : ''}`);
  route.value = read();
}

/* For a name that may have several values: takes this one out, and puts it behind the others if it
 * is wanted. */
export function changeValue(query: URLSearchParams, name: string, value: string, wanted: boolean): void {
  const next = new URLSearchParams(query);
  next.delete(name);
  for (const other of query.getAll(name)) if (other !== value) next.append(name, other);
  if (wanted) next.append(name, value);
  replaceQuery(next);
}

/* An empty value takes the name out. `within` excludes the instants that it stands for. */
export function changeQuery(query: URLSearchParams, name: string, value: string): void {
  const next = new URLSearchParams(query);
  if (value) next.set(name, value);
  else next.delete(name);
  if (name === 'within') {
    next.delete('since');
    next.delete('until');
  }
  replaceQuery(next);
}
