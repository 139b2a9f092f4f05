/* useRows: the rows of the list that have been loaded so far, page by page as it is scrolled, kept
 * fresh by the stream. */

import { useEffect, useRef, useState } from 'preact/hooks';

import type { Item, Page } from './api';
import { DEFAULT_SORT, fits, questionOf } from './filter';
import { explain, get } from './http';
import { useLive } from './live';

/* The first page is there at once; whoever scrolls on wants many. */
const FIRST_PAGE = 100;
const PAGE = 500;
const AGAIN_MS = 3000;

export interface Rows {
  items: Item[];
  ended: boolean; /* nothing comes behind the last one */
  error: string | null;
  fresh: number; /* that came and are not shown, because the list is scrolled */
  more: () => void;
  showFresh: () => void;
}

interface Loaded {
  items: Item[];
  known: Set<string>; /* their ids */
  cursor: string | null;
  ended: boolean;
  error: string | null;
  waiting: Map<string, Item>; /* fresh ones, newest last */
}

const nothing = (): Loaded => ({
  items: [], known: new Set(), cursor: null, ended: false, error: null, waiting: new Map(),
});

const newestFirst = (query: URLSearchParams) => (query.get('sort') ?? DEFAULT_SORT) === DEFAULT_SORT;

const byTime = (a: Item, b: Item) => (a.submitted_at < b.submitted_at ? 1 : a.submitted_at > b.submitted_at ? -1 : 0);

/* Whether a row of its time is among those that are loaded, or is younger than all of them. */
const isLoaded = (l: Loaded, item: Item): boolean => l.ended || item.submitted_at >= (l.items.at(-1)?.submitted_at ?? '');

/* The list with the changes in: rows that no longer fit go, known ones are replaced. What is left in
 * `changes` is new. */
function replaced(items: Item[], changes: Map<string, Item>, keep: (item: Item) => boolean): Item[] {
  const next: Item[] = [];
  for (const item of items) {
    const change = changes.get(item.id);
    changes.delete(item.id);
    if (!change) next.push(item);
    else if (keep(change)) next.push(change);
  }
  return next;
}

export function useRows(query: URLSearchParams, atTop: () => boolean): Rows {
  const key = query.toString();
  const loaded = useRef(nothing());
  const asking = useRef<AbortController | null>(null);
  const changes = useRef(new Map<string, Item>());
  const frame = useRef(0);
  const [, setTurn] = useState(0);
  const show = () => setTurn((n) => n + 1);
  const keep = (item: Item) => fits(item, query, Date.now());

  const load = (cursor: string | null, take: (page: Page) => void) => {
    asking.current?.abort();
    const abort = new AbortController();
    asking.current = abort;
    const question = questionOf(query, Date.now());
    question.set('limit', String(cursor ? PAGE : FIRST_PAGE));
    if (cursor) question.set('cursor', cursor);
    get<Page>(`/results?${question.toString()}`, abort.signal).then(
      (page) => {
        take(page);
        loaded.current.error = null;
        asking.current = null;
        applyChanges();
      },
      (e: unknown) => {
        if (abort.signal.aborted) return;
        loaded.current.error = explain(e);
        show();
        setTimeout(() => {
          if (!abort.signal.aborted) load(cursor, take);
        }, AGAIN_MS);
      },
    );
  };

  const append = (page: Page) => {
    const l = loaded.current;
    for (const item of page.results) {
      if (l.known.has(item.id)) continue;
      l.known.add(item.id);
      l.items.push(item);
    }
    l.cursor = page.next_cursor;
    l.ended = !page.next_cursor;
  };

  const put = (items: Item[]) => {
    loaded.current.items = items;
    loaded.current.known = new Set(items.map((i) => i.id));
  };

  /* The first page anew; what lies behind it stays, so that a list that is scrolled does not jump. */
  const refresh = () => load(null, (page) => {
    const l = loaded.current;
    const last = page.results.at(-1);
    const known = new Set(page.results.map((i) => i.id));
    const behind = last && page.next_cursor && newestFirst(query)
      ? l.items.filter((i) => i.submitted_at <= last.submitted_at && !known.has(i.id))
      : [];
    put([...page.results, ...behind]);
    if (!behind.length) {
      l.cursor = page.next_cursor;
      l.ended = !page.next_cursor;
    }
    l.waiting.clear();
  });

  /* What changes while a page is on its way is applied once more when it is there: the page may be
   * older than the change. */
  const applyChanges = () => {
    frame.current = 0;
    const l = loaded.current;
    if (l.items.length || l.ended) {
      const unknown = new Map(changes.current);
      if (unknown.size) put(replaced(l.items, unknown, keep));
      for (const item of unknown.values()) {
        l.waiting.delete(item.id);
        if (keep(item) && newestFirst(query) && isLoaded(l, item)) l.waiting.set(item.id, item);
      }
      if (!asking.current) changes.current.clear();
    }
    if (l.waiting.size && atTop()) showFresh();
    else show();
  };

  const showFresh = () => {
    const l = loaded.current;
    put([...l.waiting.values(), ...l.items].sort(byTime));
    l.waiting.clear();
    show();
  };

  useLive({
    item: (item) => {
      changes.current.set(item.id, item);
      frame.current ||= requestAnimationFrame(applyChanges);
    },
    reset: refresh,
  });

  useEffect(() => {
    loaded.current = nothing();
    changes.current.clear();
    show();
    load(null, append);
    return () => {
      asking.current?.abort();
      asking.current = null;
      cancelAnimationFrame(frame.current);
      frame.current = 0;
    };
  }, [key]);

  const l = loaded.current;
  return {
    items: l.items,
    ended: l.ended,
    error: l.error,
    fresh: l.waiting.size,
    more: () => {
      if (!l.ended && !asking.current && l.items.length) load(l.cursor, append);
    },
    showFresh,
  };
}
