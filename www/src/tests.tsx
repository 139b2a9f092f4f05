/* The tests of one submission: a field of all of them, and a line each, with what went in, what was
 * expected and what came for those that are open. */

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

import type { Sent, Test, TestEvent, TestReport, Verdict } from './api';
import { partAt, type Rule } from './compare';
import { Copy } from './copy';
import { Compared } from './difference';
import { bytesOf, escapedText } from './escaped';
import { bytes, duration, plural } from './format';
import { hitText, type LimitsInForce } from './limits';
import { Text, Word } from './text';
import { Bar } from './ui';
import { Badge, MEANING, toneOf } from './verdict';

/* What is shown of a test before and after the report is there. */
export interface Line {
  number: number;
  verdict: Verdict | null; /* null: not judged yet */
  before: boolean; /* a later one has been judged, and so has this, before anybody listened */
  measured: TestEvent | TestReport | null;
  report: TestReport | null;
  sent: Test | null;
}

const numberOf = (t: Test, i: number): number => t.number ?? i + 1;

export function linesOf(sent: Sent | null, events: Map<number, TestEvent>, reports: TestReport[] | null): Line[] {
  const tests = new Map((sent?.tests ?? []).map((t: Test, i) => [numberOf(t, i), t]));
  if (reports) {
    return reports.map((t) => ({
      number: t.number, verdict: t.verdict, before: false, measured: t, report: t, sent: tests.get(t.number) ?? null,
    }));
  }
  const lines = [...tests].map(([number, test]): Line => {
    const event = events.get(number) ?? null;
    return { number, verdict: event?.verdict ?? null, before: false, measured: event, report: null, sent: test };
  });
  const latest = lines.findLastIndex((l) => l.measured);
  return lines.map((l, i) => ({ ...l, before: i < latest }));
}

const isWrong = (l: Line): boolean => !!l.verdict && l.verdict !== 'OK' && l.verdict !== '-';

/* ---- one that is open ---- */

function save(base64: string, name: string): void {
  const url = URL.createObjectURL(new Blob([bytesOf(base64)]));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

function Exact({ base64, file }: { base64: string; file: string }) {
  return (
    <p class="text-note">
      It is not UTF-8: ‹0xFF› is a byte that is no character.{' '}
      <button type="button" class="quiet" onClick={() => save(base64, file)}>Save the exact bytes</button>
    </p>
  );
}

interface PaneProps {
  title: string;
  text: string;
  base64?: string | null | undefined; /* when it is not UTF-8 */
  of: string;
  file: string;
  mark?: number;
  truncated?: boolean;
  gap?: boolean;
}

function Pane({ title, text, base64, of, file, ...more }: PaneProps) {
  return (
    <div class="pane">
      <div class="pane-head"><h3>{title}</h3>{text && <Copy text={() => text} of={of} />}</div>
      <Text text={text} label={of} {...more} />
      {base64 && <Exact base64={base64} file={file} />}
    </div>
  );
}

const shown = (text: string, base64: string | null | undefined): string => (base64 ? escapedText(base64) : text);

/* Expected and Got as they are, whole. */
function Outputs({ test, expected, got, marks }:
  { test: TestReport; expected: string; got: string; marks: { expected: number; got: number } }) {
  const at = `Test ${test.number}`;
  return (
    <div class="side-by-side">
      <Pane title="Expected" text={expected} of={`${at}, expected output`} file={`test-${test.number}.expected`} mark={marks.expected} />
      <Pane title="Got" text={got} base64={test.stdout_base64} of={`${at}, output`} file={`test-${test.number}.stdout`}
        mark={marks.got} truncated={test.stdout_truncated} gap={!!test.stdout_gap} />
    </div>
  );
}

function Whole(props: Parameters<typeof Outputs>[0]) {
  const [open, setOpen] = useState(false);
  return (
    <details class="whole" onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary>The whole texts</summary>
      {open && <Outputs {...props} />}
    </details>
  );
}

const NOWHERE = { expected: -1, got: -1 };

function Detail({ test, sent, rule, limits }: { test: TestReport; sent: Test | null; rule: Rule; limits: LimitsInForce }) {
  const d = test.first_difference;
  const at = `Test ${test.number}`;
  const got = useMemo(() => shown(test.stdout, test.stdout_base64), [test]);
  const expected = useMemo(() => shown(test.expected_output, test.expected_output && sent?.expected_output_base64), [test, sent]);
  const input = useMemo(() => shown(test.input, test.input && sent?.input_base64), [test, sent]);
  const stderr = useMemo(() => shown(test.stderr, test.stderr_base64), [test]);
  const hit = hitText(test, limits);

  return (
    <div class="test-detail">
      {hit && <HitText hit={hit} />}
      {test.error && <p class="notice tone-bad"><Word text={test.error} /></p>}
      {d
        ? <Compared expected={expected} got={got} difference={d} gap={test.stdout_gap} rule={rule} at={at} />
        : rule.name === 'none' && !expected
          ? <Pane title="Output" text={got} base64={test.stdout_base64} of={`${at}, output`} file={`test-${test.number}.stdout`} truncated={test.stdout_truncated} />
          : <Outputs test={test} expected={expected} got={got} marks={NOWHERE} />}
      {d && test.stdout_base64 && <Exact base64={test.stdout_base64} file={`test-${test.number}.stdout`} />}
      {!d && test.verdict === 'WA' && <p class="text-note">This server does not tell what was expected and what came.</p>}
      <div class="side-by-side">
        <Pane title="Input" text={input} of={`${at}, input`} file={`test-${test.number}.input`} />
        <Pane title="Standard error" text={stderr} base64={test.stderr_base64} of={`${at}, standard error`}
          file={`test-${test.number}.stderr`} truncated={test.stderr_truncated} />
      </div>
      {d && <Whole test={test} expected={expected} got={got} marks={partAt(expected, got, d, test.stdout_gap, rule)} />}
    </div>
  );
}

/* ---- the limit ---- */

export function HitText({ hit }: { hit: NonNullable<ReturnType<typeof hitText>> }) {
  return (
    <p class="hit">
      <b>{hit.name}: {hit.reached}</b>, the limit was {hit.limit}{hit.note && <small>{hit.note}</small>}
    </p>
  );
}

/* ---- a line each ---- */

const endOf = (m: TestEvent | TestReport): string => m.signal ?? (m.exit_code == null ? '' : `exit ${m.exit_code}`);

/* The bar of a limit is full where it was hit; by the clock there is none but then. */
function Measures({ m, limits }: { m: TestEvent | TestReport; limits: LimitsInForce }) {
  const hit = hitText(m, limits);
  return (
    <>
      <Bar name="CPU time" value={m.cpu_time_ms} limit={hit?.name === 'Wall time' ? null : limits.time_ms} text={duration(m.cpu_time_ms)} note="CPU" />
      <Bar name="Memory" value={m.memory_bytes} limit={limits.memory_bytes} text={bytes(m.memory_bytes)} />
      {hit?.name === 'Wall time'
        ? <Bar name="Wall time" value={1} limit={1} text={duration(m.duration_ms)} note="wall" />
        : <span class="test-wall">{duration(m.duration_ms)} wall</span>}
      <span class="test-end">{endOf(m)}</span>
    </>
  );
}

interface Common {
  limits: LimitsInForce;
  rule: Rule;
}

/* open: it opens when this becomes true; sought: it comes into view then. */
function TestRow({ line, limits, rule, isOpen, isSought }: Common & { line: Line; isOpen: boolean; isSought: boolean }) {
  const [open, setOpen] = useState(isOpen);
  const row = useRef<HTMLDetailsElement>(null);
  const { measured: m, report } = line;
  useEffect(() => {
    if (isOpen) setOpen(true);
  }, [isOpen]);
  useEffect(() => {
    if (isSought) row.current?.scrollIntoView({ block: 'nearest' });
  }, [isSought]);

  return (
    <details class="test" ref={row} open={open} onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary>
        <span class="test-number">Test {line.number}</span>
        {line.verdict ? <Badge verdict={line.verdict} /> : <span class="badge tone-none">{line.before ? 'judged' : 'pending'}</span>}
        {m && m.duration_ms != null && <Measures m={m} limits={limits} />}
      </summary>
      {open && (report
        ? <Detail test={report} sent={line.sent} rule={rule} limits={limits} />
        : <p class="text-note">Its texts come with the report.</p>)}
    </details>
  );
}

/* ---- all of them ---- */

const toneOfLine = (l: Line): string => (l.verdict ? toneOf(l.verdict) : 'none');
const wordOf = (l: Line): string => (l.verdict ? MEANING[l.verdict] : l.before ? 'judged' : 'pending');

/* A field for each test, with the first that is wrong in sight. The arrows go from one to the next. */
function Field({ lines, chosen, choose }: { lines: Line[]; chosen: number | null; choose: (number: number) => void }) {
  const box = useRef<HTMLDivElement>(null);
  const wrong = lines.find(isWrong)?.number ?? null;
  const stop = chosen ?? wrong ?? lines[0]?.number;

  useLayoutEffect(() => {
    const b = box.current;
    const cell = b?.querySelector<HTMLElement>(`[data-test="${chosen ?? wrong ?? ''}"]`);
    if (b && cell) b.scrollTop = cell.offsetTop - b.clientHeight / 2;
  }, [chosen, wrong]);
  const onKey = (e: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
    const cell = e.target as HTMLElement;
    const next = step === 1 ? cell.nextElementSibling : step === -1 ? cell.previousElementSibling : null;
    if (next instanceof HTMLElement) {
      e.preventDefault();
      next.focus();
    }
  };
  return (
    <div ref={box} class="test-field" role="group" aria-label="All tests" onKeyDown={onKey}>
      {lines.map((l) => (
        <button type="button" data-test={l.number} tabIndex={l.number === stop ? 0 : -1} title={`Test ${l.number}: ${wordOf(l)}`}
          class={`test-cell tone-${toneOfLine(l)} ${isWrong(l) ? 'test-cell-wrong' : ''}`}
          aria-pressed={l.number === chosen} onClick={() => choose(l.number)}>
          {l.number}{isWrong(l) && <b> {l.verdict}</b>}<span class="unseen"> {wordOf(l)}</span>
        </button>
      ))}
    </div>
  );
}

const STEP = 10;

/* Opens the first that is wrong. Where there are many, only those that are wrong have a line. */
export function Tests({ lines, limits, rule, chosen: asked, choose }:
  Common & { lines: Line[]; chosen: number | null; choose: (number: number) => void }) {
  const [step, setStep] = useState(STEP);
  const [wanted, setWanted] = useState<boolean | null>(null);
  const chosen = lines.some((l) => l.number === asked) ? asked : null;
  const wrong = lines.filter(isWrong);
  const onlyWrong = wrong.length > 0 && (wanted ?? lines.length > STEP);
  const some = onlyWrong ? wrong : lines;
  const upTo = Math.max(step, some.indexOf(wrong[0] as Line) + 1);
  const listed = new Set(some.slice(0, upTo));
  const seen = lines.filter((l) => listed.has(l) || l.number === chosen);
  const open = chosen ?? wrong[0]?.number;

  if (lines.length === 0) return <p class="nothing">There are no tests: it is run once with empty input.</p>;
  return (
    <>
      {lines.length > 1 && <Field lines={lines} chosen={chosen} choose={choose} />}
      {wrong.length > 0 && wrong.length < lines.length && (
        <label class="check"><input type="checkbox" checked={onlyWrong} onChange={(e) => setWanted(e.currentTarget.checked)} />
          Only failed ({wrong.length} of {lines.length})</label>
      )}
      {seen.map((l) => (
        <TestRow key={l.number} line={l} limits={limits} rule={rule}
          isOpen={l.number === open && (!!l.report || l.number === chosen)} isSought={l.number === chosen} />
      ))}
      {some.length > upTo && (
        <button type="button" class="quiet" onClick={() => setStep(upTo + 5 * STEP)}>{plural(some.length - upTo, 'more test')}</button>
      )}
    </>
  );
}
