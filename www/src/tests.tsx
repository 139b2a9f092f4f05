/* The tests of one submission: a line each, and on demand what went in, what was expected, what came. */

import { useEffect, useState } from 'preact/hooks';

import type { CheckerName, Sent, Test, TestEvent, TestReport, Verdict } from './api';
import { bytes, duration, plural } from './format';
import { Text, Word, offsetOf } from './text';
import { Bar } from './ui';
import { Badge } from './verdict';

export interface LimitsInForce {
  time_ms: number | null;
  memory_bytes: number | null;
}

/* What is shown of a test before and after the report is there. */
export interface Line {
  number: number;
  verdict: Verdict | null; /* null: not judged yet */
  before: boolean; /* a later one has been judged, and so has this, before anybody listened */
  measured: TestEvent | TestReport | null;
  report: TestReport | null;
}

export function linesOf(sent: Sent | null, events: Map<number, TestEvent>, reports: TestReport[] | null): Line[] {
  if (reports) return reports.map((t) => ({ number: t.number, verdict: t.verdict, before: false, measured: t, report: t }));
  const lines = (sent?.tests ?? []).map((t: Test, i): Line => {
    const number = t.number ?? i + 1;
    const event = events.get(number) ?? null;
    return { number, verdict: event?.verdict ?? null, before: false, measured: event, report: null };
  });
  const latest = lines.findLastIndex((l) => l.measured);
  return lines.map((l, i) => ({ ...l, before: i < latest }));
}

/* Only these compare in place, so that what is wrong in the one is at the same place of the other. */
const IN_PLACE: CheckerName[] = ['lines', 'exact'];

/* The exact bytes, as a file. */
function Exact({ base64, name }: { base64: string | null; name: string }) {
  if (!base64) return null;
  const save = () => {
    const data = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const url = URL.createObjectURL(new Blob([data]));
    const link = document.createElement('a');
    link.href = url;
    link.download = name;
    link.click();
    URL.revokeObjectURL(url);
  };
  return (
    <p class="text-note">
      It is not UTF-8; � stands for what cannot be shown.{' '}
      <button type="button" class="quiet" onClick={save}>Save the exact bytes</button>
    </p>
  );
}

function Detail({ test, checker }: { test: TestReport; checker: CheckerName }) {
  const d = test.first_difference;
  const got = d ? offsetOf(test.stdout, d, test.stdout_gap) : -1;
  const expected = d && IN_PLACE.includes(checker) ? offsetOf(test.expected_output, d) : -1;
  const at = `Test ${test.number}`;
  const begins = d && IN_PLACE.includes(checker) ? 1 : d?.column ?? 1;
  const from = d?.from_column ?? begins;

  return (
    <div class="test-detail">
      {d && (
        <div class="difference">
          <p>
            First difference: line {d.line}, column {d.column}
            {from > begins && `; shown from column ${from}`}
          </p>
          <dl>
            <dt>expected</dt><dd>{d.expected ? <Word text={d.expected} /> : '(nothing)'}</dd>
            <dt>got</dt><dd>{d.got ? <Word text={d.got} /> : '(nothing)'}</dd>
          </dl>
        </div>
      )}
      {test.error && <p class="notice tone-bad"><Word text={test.error} /></p>}
      <div class="side-by-side">
        <div><h3>Expected</h3><Text text={test.expected_output} label={`${at}, expected output`} mark={expected} /></div>
        <div>
          <h3>Got</h3>
          <Text text={test.stdout} label={`${at}, output`} mark={got} truncated={test.stdout_truncated} gap={!!test.stdout_gap} />
          <Exact base64={test.stdout_base64} name={`test-${test.number}.stdout`} />
        </div>
        <div><h3>Input</h3><Text text={test.input} label={`${at}, input`} /></div>
        <div>
          <h3>Standard error</h3>
          <Text text={test.stderr} label={`${at}, standard error`} truncated={test.stderr_truncated} />
          <Exact base64={test.stderr_base64} name={`test-${test.number}.stderr`} />
        </div>
      </div>
    </div>
  );
}

const endOf = (m: TestEvent | TestReport): string => m.signal ?? (m.exit_code == null ? '' : `exit ${m.exit_code}`);

function TestRow({ line, limits, checker, first }:
  { line: Line; limits: LimitsInForce; checker: CheckerName; first: boolean }) {
  const [open, setOpen] = useState(first);
  const { measured: m, report } = line;
  useEffect(() => {
    if (first) setOpen(true);
  }, [first]);

  return (
    <details class="test" open={open} onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary>
        <span class="test-number">Test {line.number}</span>
        {line.verdict ? <Badge verdict={line.verdict} /> : <span class="badge tone-none">{line.before ? 'judged' : 'pending'}</span>}
        {m && m.duration_ms != null && (
          <>
            <Bar name="CPU time" value={m.cpu_time_ms} limit={limits.time_ms} text={duration(m.cpu_time_ms)} />
            <Bar name="Memory" value={m.memory_bytes} limit={limits.memory_bytes} text={bytes(m.memory_bytes)} />
            <span class="test-wall">{duration(m.duration_ms)} wall</span>
            <span class="test-end">{endOf(m)}</span>
          </>
        )}
      </summary>
      {open && (report
        ? <Detail test={report} checker={checker} />
        : <p class="text-note">Its texts come with the report.</p>)}
    </details>
  );
}

const STEP = 50;

/* Opens the first that is wrong. */
export function Tests({ lines, limits, checker }: { lines: Line[]; limits: LimitsInForce; checker: CheckerName }) {
  const [shown, setShown] = useState(STEP);
  const wrong = lines.findIndex((l) => l.report && l.verdict !== 'OK' && l.verdict !== '-');
  const upTo = Math.max(shown, wrong + 1);

  if (lines.length === 0) return <p class="nothing">There are no tests: it is run once with empty input.</p>;
  return (
    <>
      {lines.slice(0, upTo).map((l, i) => (
        <TestRow key={l.number} line={l} limits={limits} checker={checker} first={i === wrong} />
      ))}
      {upTo < lines.length && (
        <button type="button" class="quiet" onClick={() => setShown(upTo + STEP)}>
          {plural(lines.length - upTo, 'more test')}
        </button>
      )}
    </>
  );
}
