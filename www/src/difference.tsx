/* Why an answer is wrong: expected and got, line beside line, around the first difference. */

import { useMemo, useState } from 'preact/hooks';

import type { Difference, Gap } from './api';
import { compare, type Piece, type Row, type Rule, type Side } from './compare';
import { hexOf } from './escaped';
import { count } from './format';
import { blanksDrawn, spelled } from './text';

const BEFORE = 5;
const AFTER = 15;
const MORE = 6; /* times as many */
const MOST = 2000;

const HOW: Record<Rule['name'], string> = {
  lines: 'blanks at the end of a line do not count',
  exact: 'every byte counts',
  tokens: 'only words count',
  float: 'only words count, numbers with a tolerance',
  none: '',
};

const Pieces = ({ pieces }: { pieces: Piece[] }) =>
  <>{pieces.map((p) => (p.marked ? <mark>{spelled(blanksDrawn(p.text))}</mark> : spelled(p.text)))}</>;

function Half({ side, name, isFirstMissing }: { side: Side | null; name: 'expected' | 'got'; isFirstMissing: boolean }) {
  if (!side) {
    return (
      <span role="cell" class={`half half-${name} half-missing`}>
        {isFirstMissing ? 'no such line' : <span class="unseen">no such line</span>}
      </span>
    );
  }
  return (
    <span role="cell" class={`half half-${name}`}>
      <span class="line-number">{side.number}</span>
      <code dir="ltr">
        {side.before > 0 && <small>{count(side.before)} before … </small>}
        <Pieces pieces={side.pieces} />
        {side.end && <mark>{side.end === 'newline' ? '⏎' : '‹no newline›'}</mark>}
        {side.after > 0 && <small> … {count(side.after)} more</small>}
      </code>
    </span>
  );
}

function Rows({ rows }: { rows: Row[] }) {
  return (
    <>
      {rows.map((row, i) => (
        <div role="row" class={row.differs ? 'pair pair-differs' : 'pair'}>
          <Half side={row.expected} name="expected" isFirstMissing={!!rows[i - 1]?.expected || i === 0} />
          <Half side={row.got} name="got" isFirstMissing={!!rows[i - 1]?.got || i === 0} />
        </div>
      ))}
    </>
  );
}

const hexText = (text: string): string => (text ? hexOf(text) : 'nothing, it ends');

export function Compared({ expected, got, difference: d, gap, rule, at }:
  { expected: string; got: string; difference: Difference; gap: Gap | null | undefined; rule: Rule; at: string }) {
  const [times, setTimes] = useState(1);
  const size = { before: Math.min(MOST, BEFORE * times), after: Math.min(MOST, AFTER * times) };
  const { rows, before, after, bytes } = useMemo(() => compare(expected, got, d, gap, rule, size),
    [expected, got, d, times, ...Object.values(rule)]);
  const canGrow = (before || after) && size.after < MOST;

  return (
    <div class="compared">
      <p class="compared-head">
        <b>First difference: line {d.line}, column {d.column}</b>
        {HOW[rule.name] && <small>{HOW[rule.name]}{rule.folds && ', nor does the case of letters'}</small>}
      </p>
      {bytes && (
        <p class="compared-bytes">In bytes from there: expected <code>{hexText(bytes.expected)}</code>, got <code>{hexText(bytes.got)}</code></p>
      )}
      <div role="table" class="pairs-table" aria-label={`${at}, expected and got`}>
        <div role="row" class="pair pair-head"><span role="columnheader" class="expected">Expected</span><span role="columnheader" class="got">Got</span></div>
        <Rows rows={rows} />
      </div>
      {canGrow && <button type="button" class="quiet" onClick={() => setTimes(times * MORE)}>More lines around it</button>}
    </div>
  );
}
