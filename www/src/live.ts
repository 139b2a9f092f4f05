/* The stream of all submissions, shared by every page: who changed, and whether we are connected. */

import { useEffect, useRef } from 'preact/hooks';

import type { Item } from './api';
import { Store } from './store';
import { Stream, type Health } from './stream';

interface Watcher {
  item?: ((item: Item) => void) | undefined;
  reset?: (() => void) | undefined;
}

export const health = new Store<Health>('opening');

const watchers = new Set<Watcher>();

export function startLive(): void {
  new Stream('/events', {
    health: (h) => (health.value = h),
    event: (name, data) => {
      if (name === 'test') return;
      for (const w of [...watchers]) w.item?.(data as Item);
    },
    reset: () => {
      for (const w of [...watchers]) w.reset?.();
    },
  });
}

/* Until what it returns is called. */
export function watchLive(w: Watcher): () => void {
  watchers.add(w);
  return () => void watchers.delete(w);
}

/* Calls the watcher of the latest render for as long as the component is there. */
export function useLive(watcher: Watcher): void {
  const latest = useRef(watcher);
  latest.current = watcher;
  useEffect(() => {
    return watchLive({
      item: (item) => latest.current.item?.(item),
      reset: () => latest.current.reset?.(),
    });
  }, []);
}
