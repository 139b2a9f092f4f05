/* useRows: the rows of the list that have been loaded so far, page by page as it is scrolled, kept
 * fresh by the stream. */

import { useEffect, useRef, useState } from 'preact/hooks';

import type { Item, Page } from './api';
import { DEFAULT_SORT, fits, questionOf } from './filter';
import { explain, get } from './http';
import { watchLive } from './live';

/* The first page is there at once; whoever scrolls on wants many. */
const FIRST_PAGE = 100;
const PAGE = 500;
const AGAIN_MS = 3000;

const byTime = (a: Item, b: Item) => (a.submitted_at < b.submitted_at ? 1 : a.submitted_at > b.submitted_at ? -1 : 0);

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

/* For one filter; another one has rows of its own. */
export class Rows {
  items: Item[] = [];
  ended = false; /* nothing comes behind the last one */
  error: string | null = null;
  readonly view = { top: 0, active: 0 }; /* what of it is looked at */
  isBack = false; /* it was left, and is seen again */

  private known = new Set<string>(); /* ids of items */
  private cursor: string | null = null;
  private asking: AbortController | null = null; /* from a question to its answer, or to the next try */
  private readonly waiting = new Map<string, Item>(); /* new, and not shown while the list is scrolled */
  private readonly changes = new Map<string, Item>();
  private frame = 0;
  private gone = false;
  private readonly unwatch: () => void;

  constructor(private readonly query: URLSearchParams, private atTop: () => boolean, private show: () => void) {
    this.unwatch = watchLive({ item: (item) => this.change(item), reset: () => this.refresh() });
    this.load(null, (page) => this.append(page));
  }

  end(): void {
    this.gone = true;
    this.unwatch();
    this.asking?.abort();
    cancelAnimationFrame(this.frame);
  }

  /* Nobody looks; it goes on to be kept fresh. */
  leave(): void {
    this.atTop = () => false;
    this.show = () => undefined;
  }

  comeBack(atTop: () => boolean, show: () => void): void {
    this.atTop = atTop;
    this.show = show;
    this.isBack = true;
  }

  get fresh(): number {
    return this.waiting.size;
  }

  more(): void {
    if (!this.ended && !this.asking && this.items.length) this.load(this.cursor, (page) => this.append(page));
  }

  showFresh(): void {
    this.put([...this.waiting.values(), ...this.items].sort(byTime));
    this.waiting.clear();
    this.show();
  }

  change(item: Item): void {
    this.changes.set(item.id, item);
    this.frame ||= requestAnimationFrame(() => this.apply());
  }

  /* The first page anew; what lies behind it stays, so that a list that is scrolled does not jump. */
  refresh(): void {
    this.load(null, (page) => {
      const last = page.results.at(-1);
      const known = new Set(page.results.map((i) => i.id));
      const behind = last && page.next_cursor && this.newestFirst
        ? this.items.filter((i) => i.submitted_at <= last.submitted_at && !known.has(i.id))
        : [];
      this.put([...page.results, ...behind]);
      if (!behind.length) this.goOnFrom(page);
      this.waiting.clear();
    });
  }

  private get newestFirst(): boolean {
    return (this.query.get('sort') ?? DEFAULT_SORT) === DEFAULT_SORT;
  }

  private put(items: Item[]): void {
    this.items = items;
    this.known = new Set(items.map((i) => i.id));
  }

  private goOnFrom(page: Page): void {
    this.cursor = page.next_cursor;
    this.ended = !page.next_cursor;
  }

  private append(page: Page): void {
    for (const item of page.results) {
      if (this.known.has(item.id)) continue;
      this.known.add(item.id);
      this.items.push(item);
    }
    this.goOnFrom(page);
  }

  private load(cursor: string | null, take: (page: Page) => void): void {
    if (this.gone) return;
    this.asking?.abort();
    const abort = new AbortController();
    this.asking = abort;
    const question = questionOf(this.query, Date.now());
    question.set('limit', String(cursor ? PAGE : FIRST_PAGE));
    if (cursor) question.set('cursor', cursor);
    get(`/results?${question.toString()}`, abort.signal).then((page) => {
      if (abort.signal.aborted) return;
      take(page);
      this.error = null;
      this.asking = null;
      this.apply();
      /* The server looks at so many rows and no more: where none of them fits, the page is empty. */
      if (!page.results.length && page.next_cursor) this.load(this.cursor, (next) => this.append(next));
    }, (e: unknown) => {
      if (abort.signal.aborted) return;
      this.error = explain(e);
      this.show();
      setTimeout(() => {
        if (!abort.signal.aborted) this.load(cursor, take);
      }, AGAIN_MS);
    });
  }

  /* What changes while a page is on its way is applied once more when it is there: the page may be
   * older than the change. */
  private apply(): void {
    this.frame = 0;
    if (this.items.length || this.ended) {
      const unknown = new Map(this.changes);
      const keep = (item: Item) => fits(item, this.query, Date.now());
      if (unknown.size) this.put(replaced(this.items, unknown, keep));
      for (const item of unknown.values()) this.consider(item, keep(item));
      if (!this.asking) this.changes.clear();
    }
    if (this.waiting.size && this.atTop()) this.showFresh();
    else this.show();
  }

  /* A row that was not there: it is new, or fits only now. */
  private consider(item: Item, wanted: boolean): void {
    const last = this.items.at(-1)?.submitted_at ?? '';
    this.waiting.delete(item.id);
    if (wanted && this.newestFirst && (this.ended || item.submitted_at >= last)) this.waiting.set(item.id, item);
  }
}

/* The list that was left last: whoever goes back in the history finds it as it was. */
let left: { entry: string; query: string; rows: Rows } | null = null;

export const leftQuery = (): string => left?.query ?? '';

function rowsFor(entry: string, query: URLSearchParams, atTop: () => boolean, show: () => void): Rows {
  const found = left;
  left = null;
  if (found?.entry === entry && found.query === query.toString()) {
    found.rows.comeBack(atTop, show);
    return found.rows;
  }
  found?.rows.end();
  return new Rows(query, atTop, show);
}

/* atTop: whether new rows can be shown without moving what is read. Null before the first render is
 * done. */
export function useRows(query: URLSearchParams, entry: string, atTop: () => boolean): Rows | null {
  const [rows, setRows] = useState<Rows | null>(null);
  const [, setTurn] = useState(0);
  const latest = useRef(atTop);
  latest.current = atTop;

  useEffect(() => {
    const made = rowsFor(entry, query, () => latest.current(), () => setTurn((n) => n + 1));
    setRows(made);
    return () => {
      made.leave();
      left = { entry, query: query.toString(), rows: made };
    };
  }, [query.toString(), entry]);
  return rows;
}
