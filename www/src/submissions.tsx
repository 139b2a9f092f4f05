/* The list: filters in the address, sorting, the keyboard, and as many rows as there are, of which
 * only the visible ones are elements. */

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

import { VERDICTS, STATES, type Item, type Language } from './api';
import { useFetched } from './fetched';
import { DEFAULT_SORT, type SortKey } from './filter';
import { bytes, count, duration, fullTime, plural, time } from './format';
import { replaceQuery, submissionPath, useRoute } from './router';
import { useRows, type Rows } from './rows';
import { plain } from './text';
import { Notice, useTitle } from './ui';
import { ItemBadge, MEANING } from './verdict';

const ROW_PX = 36;
const SPARE_ROWS = 10;
/* So many rows before the end of what is loaded, the next page is asked for. */
const AHEAD_ROWS = 80;

/* ---- filters ---- */

const WITHIN: [string, string][] = [['', 'Any time'], ['900', 'Last 15 minutes'], ['3600', 'Last hour'],
  ['86400', 'Last day'], ['604800', 'Last 7 days'], ['between', 'Between…']];

function change(query: URLSearchParams, name: string, value: string): void {
  const next = new URLSearchParams(query);
  if (value) next.set(name, value);
  else next.delete(name);
  if (name === 'within') {
    next.delete('since');
    next.delete('until');
  }
  replaceQuery(next);
}

function Choice({ label, name, query, options, value = query.get(name) ?? '' }:
  { label: string; name: string; query: URLSearchParams; options: [string, string][]; value?: string }) {
  return (
    <label class="field">
      <span>{label}</span>
      <select value={value} onChange={(e) => change(query, name, e.currentTarget.value)}>
        {options.map(([v, text]) => <option value={v}>{text}</option>)}
      </select>
    </label>
  );
}

/* An instant of the address, as the control shows it: local, to the minute. */
function localOf(iso: string | null): string {
  const at = iso ? new Date(iso) : null;
  if (!at || Number.isNaN(at.getTime())) return '';
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function Instant({ label, name, query }: { label: string; name: string; query: URLSearchParams }) {
  return (
    <label class="field">
      <span>{label}</span>
      <input type="datetime-local" value={localOf(query.get(name))} onChange={(e) => {
        const value = e.currentTarget.value;
        change(query, name, value ? new Date(value).toISOString() : '');
      }} />
    </label>
  );
}

function Filters({ query }: { query: URLSearchParams }) {
  const { data } = useFetched<{ languages: Language[] }>('/languages');
  const languages = data?.languages ?? [];
  const between = query.get('within') === 'between' || query.has('since') || query.has('until');
  const narrowed = [...query.keys()].some((k) => k !== 'sort');

  return (
    <form class="filters" role="search" aria-label="Filter submissions" onSubmit={(e) => e.preventDefault()}>
      <label class="field field-grow">
        <span>Id begins with <kbd>/</kbd></span>
        <input id="filter-id" type="search" value={query.get('id_prefix') ?? ''} autocomplete="off" spellcheck={false}
          onInput={(e) => change(query, 'id_prefix', e.currentTarget.value)} />
      </label>
      <Choice label="Status" name="status" query={query}
        options={[['', 'Any'], ...VERDICTS.map((v): [string, string] => [v, `${v} ${MEANING[v]}`])]} />
      <Choice label="State" name="state" query={query}
        options={[['', 'Any'], ...STATES.map((s): [string, string] => [s, s])]} />
      <Choice label="Language" name="language" query={query}
        options={[['', 'Any'], ...languages.map((l): [string, string] => [l.name, l.title])]} />
      <Choice label="Submitted" name="within" query={query} options={WITHIN}
        value={between ? 'between' : query.get('within') ?? ''} />
      {between && (
        <>
          <Instant label="From" name="since" query={query} />
          <Instant label="Before" name="until" query={query} />
        </>
      )}
      <button type="button" class="quiet" disabled={!narrowed} onClick={() => {
        const sort = query.get('sort');
        replaceQuery(new URLSearchParams(sort ? { sort } : {}));
      }}>Clear</button>
    </form>
  );
}

/* ---- the table ---- */

interface Column {
  title: string;
  class: string;
  sort?: SortKey;
  cell: (item: Item) => preact.ComponentChildren;
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

function Head({ query }: { query: URLSearchParams }) {
  const sort = query.get('sort') ?? DEFAULT_SORT;
  const key = sort.replace(/^-/, '');
  const down = sort.startsWith('-');

  const toggle = (wanted: SortKey) => {
    const next = key === wanted && down ? wanted : `-${wanted}`;
    change(query, 'sort', next === DEFAULT_SORT ? '' : next);
  };
  return (
    <thead>
      <tr aria-rowindex={1}>
        {COLUMNS.map((c) => {
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

function Row({ item, index, active, focus }:
  { item: Item; index: number; active: boolean; focus: () => void }) {
  return (
    <tr aria-rowindex={index + 2} class={active ? 'row row-active' : 'row'} data-id={item.id}>
      {COLUMNS.map((c) => (
        <td class={c.class}>
          {c.class === 'c-id'
            ? <a href={submissionPath(item.id)} tabIndex={active ? 0 : -1} onFocus={focus}><bdi>{plain(item.id)}</bdi></a>
            : c.cell(item)}
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

function Table({ rows, query, box }:
  { rows: Rows; query: URLSearchParams; box: preact.RefObject<HTMLDivElement | null> }) {
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  const [active, setActive] = useState(0);
  const moved = useRef(false);
  const { items } = rows;
  const first = Math.max(0, Math.floor(top / ROW_PX) - SPARE_ROWS);
  const end = Math.min(items.length, Math.ceil((top + height) / ROW_PX) + SPARE_ROWS);
  const at = Math.min(active, Math.max(0, items.length - 1));

  useEffect(() => {
    if (end + AHEAD_ROWS >= items.length) rows.more();
  });
  useLayoutEffect(() => {
    const size = new ResizeObserver(() => setHeight(box.current?.clientHeight ?? 600));
    if (box.current) size.observe(box.current);
    return () => size.disconnect();
  }, []);
  /* Focus follows the keyboard once the row is there. */
  useLayoutEffect(() => {
    if (!moved.current) return;
    moved.current = false;
    box.current?.querySelector<HTMLElement>('.row-active a')?.focus({ preventScroll: true });
  }, [at, top]);

  const show = (index: number) => {
    const b = box.current;
    if (!b) return;
    const y = index * ROW_PX;
    if (y < b.scrollTop) b.scrollTop = y;
    else if (y + 2 * ROW_PX > b.scrollTop + b.clientHeight) b.scrollTop = y + 2 * ROW_PX - b.clientHeight;
    setTop(b.scrollTop);
  };
  const onKey = (e: KeyboardEvent) => {
    if (e.ctrlKey || e.metaKey || e.altKey || !(e.target instanceof HTMLAnchorElement)) return;
    const to = target(e.key, at, items.length - 1, Math.max(1, Math.floor(height / ROW_PX) - 2));
    if (to === null) return;
    e.preventDefault();
    moved.current = true;
    setActive(to);
    show(to);
  };

  return (
    <div class="table-box" ref={box} onScroll={(e) => setTop(e.currentTarget.scrollTop)} onKeyDown={onKey}>
      <table class="rows" aria-label="Submissions" aria-rowcount={rows.ended ? items.length + 1 : -1}>
        <Head query={query} />
        <tbody>
          <Gap px={first * ROW_PX} />
          {items.slice(first, end).map((item, i) => (
            <Row key={item.id} item={item} index={first + i} active={first + i === at} focus={() => setActive(first + i)} />
          ))}
          <Gap px={(items.length - end) * ROW_PX} />
        </tbody>
      </table>
      {rows.ended && items.length === 0 && <p class="nothing">No submission fits.</p>}
    </div>
  );
}

/* ---- the page ---- */

export function Submissions() {
  const { query } = useRoute();
  const box = useRef<HTMLDivElement>(null);
  const rows = useRows(query, () => (box.current?.scrollTop ?? 0) < ROW_PX);

  useTitle('Submissions');
  useEffect(() => {
    const onKey = (e: KeyboardEvent) => {
      const writes = e.target instanceof HTMLElement && e.target.matches('input, select, textarea');
      if (e.key === '/' && !writes) {
        e.preventDefault();
        document.getElementById('filter-id')?.focus();
      } else if (e.key === 'ArrowDown' && (e.target === document.body || (e.target as HTMLElement).id === 'filter-id')) {
        e.preventDefault();
        box.current?.querySelector<HTMLElement>('.row-active a')?.focus();
      }
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);

  return (
    <div class="list-page">
      <h1>Submissions</h1>
      <Filters query={query} />
      <Notice text={rows.error} />
      <p class="list-note" role="status">
        {plural(rows.items.length, 'row')}{rows.ended ? '' : ', more as you scroll'}
        {rows.fresh > 0 && (
          <button type="button" class="pill" onClick={() => {
            if (box.current) box.current.scrollTop = 0;
            rows.showFresh();
          }}>{plural(rows.fresh, 'new row')} ↑</button>
        )}
        <span class="keys"><kbd>↑</kbd> <kbd>↓</kbd> move, <kbd>Enter</kbd> opens</span>
      </p>
      <Table key={query.toString()} rows={rows} query={query} box={box} />
    </div>
  );
}
