/* The table of submissions: as many rows as there are, of which only the visible ones are elements;
 * sorting; the keyboard. */

import type { ComponentChildren, RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

import type { Item } from './api';
import { showsLabels } from './columns';
import { DEFAULT_SORT, isNarrowed, type SortKey } from './filter';
import { bytes, count, duration, fullTime, time } from './format';
import { FirstRun } from './first_run';
import { notHalf } from './place';
import { changeQuery, changeValue, submissionPath } from './router';
import type { Rows } from './rows';
import { useStore } from './store';
import { plain } from './text';
import { ItemBadge } from './verdict';

export const ROW_PX = 36;
const SPARE_ROWS = 10;
/* So many rows before the end of what is loaded, the next page is asked for. */
const AHEAD_ROWS = 80;

/* ---- columns ---- */

interface Column {
  title: string;
  class: string;
  sort?: SortKey;
  cell: (item: Item, query: URLSearchParams) => ComponentChildren;
}

/* A click filters by it. */
function Labels({ item, query }: { item: Item; query: URLSearchParams }) {
  return (
    <>
      {Object.entries(item.labels).map(([name, value]) => (
        <button type="button" class="label" tabIndex={-1} title={plain(`${name}:${value}`)}
          onClick={() => changeValue(query, 'label', `${name}:${value}`, true)}><bdi>{plain(`${name}:${value}`)}</bdi></button>
      ))}
    </>
  );
}

const COLUMNS: Column[] = [
  { title: 'Status', class: 'c-status', cell: (i) => <ItemBadge item={i} /> },
  { title: 'Id', class: 'c-id', cell: () => null },
  { title: 'Language', class: 'c-language', cell: (i) => i.language },
  { title: 'Tests', class: 'c-tests num', cell: (i) => (i.tests_total == null ? '' : `${count(i.tests_passed ?? 0)}/${count(i.tests_total)}`) },
  { title: 'Run time', class: 'c-duration num', sort: 'duration_ms', cell: (i) => duration(i.duration_ms) },
  { title: 'CPU', class: 'c-cpu num', cell: (i) => duration(i.cpu_time_ms) },
  { title: 'Memory', class: 'c-memory num', sort: 'memory_bytes', cell: (i) => bytes(i.memory_bytes) },
  { title: 'Submitted', class: 'c-time num', sort: 'submitted_at',
    cell: (i) => <time dateTime={i.submitted_at} title={fullTime(i.submitted_at)}>{time(i.submitted_at)}</time> },
];

const LABELS: Column = { title: 'Labels', class: 'c-labels', cell: (i, query) => <Labels item={i} query={query} /> };
const WITH_LABELS = COLUMNS.flatMap((c) => (c.class === 'c-language' ? [c, LABELS] : [c]));

const useColumns = (): Column[] => (useStore(showsLabels) ? WITH_LABELS : COLUMNS);

function Head({ query }: { query: URLSearchParams }) {
  const columns = useColumns();
  const sort = query.get('sort') ?? DEFAULT_SORT;
  const key = sort.replace(/^-/, '');
  const down = sort.startsWith('-');

  const toggle = (wanted: SortKey) => {
    const next = key === wanted && down ? wanted : `-${wanted}`;
    changeQuery(query, 'sort', next === DEFAULT_SORT ? '' : next);
  };
  return (
    <thead>
      <tr aria-rowindex={1}>
        {columns.map((c) => {
          const { sort: mine } = c;
          if (!mine) return <th scope="col" class={c.class}>{c.title}</th>;
          const direction = mine !== key ? 'none' : down ? 'descending' : 'ascending';
          return (
            <th scope="col" class={c.class} aria-sort={direction}>
              <button type="button" class="sort" onClick={() => toggle(mine)}>
                {c.title}<span class="arrow" aria-hidden="true">{mine !== key ? '' : down ? '↓' : '↑'}</span>
              </button>
            </th>
          );
        })}
      </tr>
    </thead>
  );
}

/* Ids often begin alike: where there is no room it is the middle that is left out. */
const TAIL = 8;

function Id({ id }: { id: string }) {
  if (id.length <= 2 * TAIL) return <bdi>{id}</bdi>;
  const at = notHalf(id, id.length - TAIL);
  return <bdi class="id-cut"><span>{id.slice(0, at)}</span><span>{id.slice(at)}</span></bdi>;
}

function Row({ item, query, index, active, focus }:
  { item: Item; query: URLSearchParams; index: number; active: boolean; focus: () => void }) {
  const columns = useColumns();
  return (
    <tr aria-rowindex={index + 2} class={active ? 'row row-active' : 'row'} data-id={item.id}>
      {columns.map((c) => (
        <td class={c.class}>
          {c.class === 'c-id'
            ? <a href={submissionPath(item.id)} tabIndex={active ? 0 : -1} onFocus={focus}><Id id={plain(item.id)} /></a>
            : c.cell(item, query)}
        </td>
      ))}
    </tr>
  );
}

const Gap = ({ px }: { px: number }) => (px > 0 ? <tr class="gap" aria-hidden="true" style={{ height: `${px}px` }} /> : null);

/* Which key moves to which row. */
function target(key: string, at: number, last: number, page: number): number | null {
  const moves: Record<string, number> = {
    ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: last,
  };
  const to = moves[key];
  return to === undefined ? null : Math.max(0, Math.min(last, to));
}

/* Which of the rows are to be seen. */
function useView(box: RefObject<HTMLDivElement | null>, rows: Rows) {
  const { length } = rows.items;
  const [top, setTop] = useState(rows.view.top);
  const [height, setHeight] = useState(600);

  useLayoutEffect(() => {
    if (box.current) box.current.scrollTop = rows.view.top;
    const size = new ResizeObserver(() => setHeight(box.current?.clientHeight ?? 600));
    if (box.current) size.observe(box.current);
    return () => size.disconnect();
  }, []);
  return {
    first: Math.max(0, Math.floor(top / ROW_PX) - SPARE_ROWS),
    end: Math.min(length, Math.ceil((top + height) / ROW_PX) + SPARE_ROWS),
    perPage: Math.max(1, Math.floor(height / ROW_PX) - 2),
    scrolled: () => setTop(rows.view.top = box.current?.scrollTop ?? 0),
  };
}

/* The head of the table covers one row. */
function scrollTo(b: HTMLDivElement, index: number): void {
  const y = index * ROW_PX;
  if (y < b.scrollTop) b.scrollTop = y;
  else if (y + 2 * ROW_PX > b.scrollTop + b.clientHeight) b.scrollTop = y + 2 * ROW_PX - b.clientHeight;
}

/* The row that has the keyboard. Focus follows once the row is an element. */
function useActive(box: RefObject<HTMLDivElement | null>, rows: Rows, perPage: number, scrolled: () => void) {
  const { length } = rows.items;
  const [active, put] = useState(rows.view.active);
  const moved = useRef(rows.isBack);
  const setActive = (index: number) => put(rows.view.active = index);
  const at = Math.min(active, Math.max(0, length - 1));

  useLayoutEffect(() => {
    const link = moved.current && box.current?.querySelector<HTMLElement>('.row-active a');
    if (!link) return;
    moved.current = false;
    link.focus({ preventScroll: true });
  });
  const onKey = (e: KeyboardEvent) => {
    if (e.ctrlKey || e.metaKey || e.altKey || !(e.target instanceof HTMLAnchorElement)) return;
    const to = target(e.key, at, length - 1, perPage);
    if (to === null || !box.current) return;
    e.preventDefault();
    moved.current = true;
    setActive(to);
    scrollTo(box.current, to);
    scrolled();
  };
  return { at, setActive, onKey };
}

export function Table({ rows, query, box }:
  { rows: Rows; query: URLSearchParams; box: RefObject<HTMLDivElement | null> }) {
  const { items, ended } = rows;
  const { first, end, perPage, scrolled } = useView(box, rows);
  const { at, setActive, onKey } = useActive(box, rows, perPage, scrolled);

  useEffect(() => {
    if (end + AHEAD_ROWS >= items.length) rows.more();
  });
  return (
    <div class="table-box" ref={box} onScroll={scrolled} onKeyDown={onKey}>
      <table class="rows" aria-label="Submissions" aria-rowcount={ended ? items.length + 1 : -1}>
        <Head query={query} />
        <tbody>
          <Gap px={first * ROW_PX} />
          {items.slice(first, end).map((item, i) => (
            <Row key={item.id} item={item} query={query} index={first + i} active={first + i === at} focus={() => setActive(first + i)} />
          ))}
          <Gap px={(items.length - end) * ROW_PX} />
        </tbody>
      </table>
      {ended && items.length === 0 && (isNarrowed(query) ? <p class="nothing">No submission fits.</p> : <FirstRun />)}
    </div>
  );
}
