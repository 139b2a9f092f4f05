/* The list of submissions: its filters are in the address. */

import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

import { VERDICTS, STATES } from './api';
import { showsLabels } from './columns';
import { useFetched } from './fetched';
import { isLabel, isNarrowed, questionOf } from './filter';
import { plural } from './format';
import { changeQuery, changeValue, replaceQuery, useRoute } from './router';
import { useRows, type Rows } from './rows';
import { useStore } from './store';
import { ROW_PX, Table } from './table';
import { plain } from './text';
import { Latest } from './latest';
import { Notice, useTitle } from './ui';
import { MEANING } from './verdict';

/* ---- filters ---- */

const WITHIN: [string, string][] = [['', 'Any time'], ['900', 'Last 15 minutes'], ['3600', 'Last hour'],
  ['86400', 'Last day'], ['604800', 'Last 7 days'], ['between', 'Between…']];

function Choice({ label, name, query, options, value = query.get(name) ?? '' }:
  { label: string; name: string; query: URLSearchParams; options: [string, string][]; value?: string }) {
  return (
    <label class="field">
      <span>{label}</span>
      <select value={value} onChange={(e) => changeQuery(query, name, e.currentTarget.value)}>
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
        changeQuery(query, name, value ? new Date(value).toISOString() : '');
      }} />
    </label>
  );
}

/* Those that a row must have, and a place for one more. */
function LabelFilter({ query }: { query: URLSearchParams }) {
  const add = (e: KeyboardEvent & { currentTarget: HTMLInputElement }) => {
    const box = e.currentTarget;
    const label = box.value.trim();
    box.setCustomValidity('');
    if (e.key !== 'Enter' || !label) return;
    if (!isLabel(label)) {
      box.setCustomValidity('As name:value; a name has letters, digits and . _ / -');
      box.reportValidity();
      return;
    }
    box.value = '';
    changeValue(query, 'label', label, true);
  };
  return (
    <>
      <label class="field">
        <span>Label</span>
        <input id="filter-label" placeholder="name:value" enterkeyhint="done" autocomplete="off" spellcheck={false} onKeyDown={add} />
      </label>
      {query.getAll('label').map((label) => (
        <button type="button" class="pill" aria-label={`Without label ${plain(label)}`}
          onClick={() => changeValue(query, 'label', label, false)}><bdi>{plain(label)}</bdi> ×</button>
      ))}
    </>
  );
}

function Filters({ query }: { query: URLSearchParams }) {
  const { data } = useFetched('/languages');
  const languages = data?.languages ?? [];
  const between = query.get('within') === 'between' || query.has('since') || query.has('until');
  const narrowed = isNarrowed(query);

  return (
    <form class="filters" role="search" aria-label="Filter submissions" onSubmit={(e) => e.preventDefault()}>
      <label class="field field-grow">
        <span>Id begins with <kbd>/</kbd></span>
        <input id="filter-id" type="search" value={query.get('id_prefix') ?? ''} autocomplete="off" spellcheck={false}
          onInput={(e) => changeQuery(query, 'id_prefix', e.currentTarget.value)} />
      </label>
      <Choice label="Status" name="status" query={query}
        options={[['', 'Any'], ...VERDICTS.map((v): [string, string] => [v, `${v} ${MEANING[v]}`])]} />
      <Choice label="State" name="state" query={query}
        options={[['', 'Any'], ...STATES.map((s): [string, string] => [s, s])]} />
      <Choice label="Language" name="language" query={query}
        options={[['', 'Any'], ...languages.map((l): [string, string] => [l.name, l.title])]} />
      <LabelFilter query={query} />
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

/* ---- the page ---- */

/* "/" goes to the filter, and the arrow down from there into the rows. */
function useKeys(box: RefObject<HTMLDivElement | null>): void {
  useEffect(() => {
    const onKey = (e: KeyboardEvent) => {
      const on = e.target as HTMLElement;
      if (e.key === '/' && !on.matches('input, select, textarea')) {
        e.preventDefault();
        document.getElementById('filter-id')?.focus();
      } else if (e.key === 'ArrowDown' && (on === document.body || on.id === 'filter-id' || on.id === 'main')) {
        e.preventDefault();
        box.current?.querySelector<HTMLElement>('.row-active a')?.focus();
      }
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
}

/* All rows that fit, not only those that are loaded. */
function Export({ query }: { query: URLSearchParams }) {
  const question = questionOf(query, Date.now()).toString();
  return (
    <span>Export <a href={`/results.csv?${question}`} download="results.csv">CSV</a>{' '}
      <a href={`/results.ndjson?${question}`} download="results.ndjson">NDJSON</a></span>
  );
}

function Note({ rows, query, toTop }: { rows: Rows; query: URLSearchParams; toTop: () => void }) {
  const labels = useStore(showsLabels);
  return (
    <p class="list-note" role="status">
      {plural(rows.items.length, 'row')}{rows.ended ? '' : ', more as you scroll'}
      {rows.fresh > 0 && (
        <button type="button" class="pill" onClick={() => {
          toTop();
          rows.showFresh();
        }}>{plural(rows.fresh, 'new row')} ↑</button>
      )}
      <label class="check"><input type="checkbox" checked={labels}
        onChange={(e) => (showsLabels.value = e.currentTarget.checked)} /> Labels</label>
      <Export query={query} />
      <span class="keys"><kbd>↑</kbd> <kbd>↓</kbd> move, <kbd>Enter</kbd> opens</span>
    </p>
  );
}

export function Submissions() {
  const { query, entry } = useRoute();
  const box = useRef<HTMLDivElement>(null);
  const rows = useRows(query, entry, () => (box.current?.scrollTop ?? 0) < ROW_PX);
  const toTop = () => {
    if (box.current) box.current.scrollTop = 0;
  };

  useTitle('Submissions');
  useKeys(box);
  return (
    <div class="list-page">
      <div class="title-row"><h1>Submissions</h1><Latest /></div>
      <Filters query={query} />
      {rows && (
        <>
          <Notice text={rows.error} />
          <Note rows={rows} query={query} toTop={toTop} />
          <Table key={query.toString()} rows={rows} query={query} box={box} />
        </>
      )}
    </div>
  );
}
