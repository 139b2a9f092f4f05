/* What is being written under "Try it". It survives going to another page and back, and a reload of
 * the tab. */

import type { Checker, CheckerName, Sent, Submission, Test } from './api';
import { EXAMPLE_TESTS, exampleOf } from './examples';
import { Store } from './store';

/* raw: what is not UTF-8, and cannot be edited. */
export interface DraftTest {
  input: string;
  expected_output: string;
  raw?: Test | undefined;
}

export interface Draft {
  language: string;
  source_name: string; /* of that language; '' until it is known */
  sources: Record<string, string>; /* by language; absent: its example */
  time_ms: string;
  wall_ms: string;
  memory_mib: string;
  checker: CheckerName | '';
  absolute: string; /* the tolerances of `float` */
  relative: string;
  folds: boolean; /* the case of letters makes no difference */
  stop_on_failure: boolean;
  only_input: boolean; /* nothing is expected: it is run to see what it prints */
  tests: DraftTest[];
  id: string | null; /* of what was sent last */
  again: number; /* how often its source was replaced from outside the editor */
}

const KEY = 'scrc.draft';

const fresh = (): Draft => ({
  language: 'python', source_name: '', sources: {}, time_ms: '2000', wall_ms: '', memory_mib: '128', checker: '', absolute: '',
  relative: '', folds: false, stop_on_failure: true, only_input: false, tests: EXAMPLE_TESTS, id: null, again: 0,
});

function remembered(): Draft {
  try {
    return { ...fresh(), ...(JSON.parse(sessionStorage.getItem(KEY) ?? '{}') as Partial<Draft>) };
  } catch {
    return fresh();
  }
}

export const draft = new Store<Draft>(remembered());

export function edit(part: Partial<Draft>): void {
  draft.value = { ...draft.value, ...part };
  try {
    sessionStorage.setItem(KEY, JSON.stringify(draft.value));
  } catch { /* full, or forbidden: it lasts as long as the page */ }
}

export const startOver = (): void => edit({ ...fresh(), again: draft.value.again + 1 });

/* Another source than what was being written. */
export function replaceSource(text: string): void {
  const { sources, language, again } = draft.value;
  edit({ sources: { ...sources, [language]: text }, again: again + 1 });
}

export const sourceOf = (d: Draft): string => d.sources[d.language] ?? exampleOf(d.language, d.source_name);

/* Its example may follow from that. */
export function nameSource(name: string): void {
  const before = sourceOf(draft.value);
  edit({ source_name: name });
  if (sourceOf(draft.value) !== before) edit({ again: draft.value.again + 1 });
}

/* ---- from and to what is sent ---- */

export const draftTest = (t: Test): DraftTest => ({
  input: t.input ?? '', expected_output: t.expected_output ?? '',
  raw: t.input_base64 || t.expected_output_base64 ? t : undefined,
});

/* 0 is the server's default, as nothing is. */
const textOf = (n: number | null | undefined): string => (n ? String(n) : '');

/* What was sent once, to go on with. */
export function take(sent: Sent): void {
  const checker: Partial<Exclude<Checker, string>> = typeof sent.checker === 'object' ? sent.checker : sent.checker ? { name: sent.checker } : {};
  edit({
    ...fresh(),
    language: sent.language,
    sources: { ...draft.value.sources, [sent.language]: sent.source },
    time_ms: textOf(sent.limits?.time_limit_ms),
    wall_ms: textOf(sent.limits?.wall_time_limit_ms),
    memory_mib: textOf((sent.limits?.memory_limit_bytes ?? 0) / (1024 * 1024)),
    checker: checker.name ?? '',
    absolute: checker.absolute_tolerance == null ? '' : String(checker.absolute_tolerance),
    relative: checker.relative_tolerance == null ? '' : String(checker.relative_tolerance),
    folds: checker.case_sensitive === false,
    stop_on_failure: sent.stop_on_failure !== false,
    only_input: checker.name === 'none' && !(sent.tests ?? []).some((t) => t.expected_output || t.expected_output_base64),
    tests: (sent.tests ?? []).map(draftTest),
    again: draft.value.again + 1,
  });
}

function checkerOf(d: Draft): Checker | null {
  if (d.only_input) return 'none';
  if (!d.checker) return null;
  const tolerances = d.checker !== 'float' ? {} : {
    ...(d.absolute ? { absolute_tolerance: Number(d.absolute) } : {}),
    ...(d.relative ? { relative_tolerance: Number(d.relative) } : {}),
  };
  const more = { ...tolerances, ...(d.folds ? { case_sensitive: false } : {}) };
  return Object.keys(more).length ? { name: d.checker, ...more } : d.checker;
}

function testOf({ input, expected_output, raw }: DraftTest, onlyInput: boolean): Test {
  if (!raw) return onlyInput ? { input } : { input, expected_output };
  const { number: _number, ...texts } = raw;
  const { expected_output: _text, expected_output_base64: _bytes, ...inputs } = texts;
  return onlyInput ? inputs : texts;
}

/* What the server is asked; an empty limit is its default. */
export function submissionOf(d: Draft): Submission {
  const checker = checkerOf(d);
  return {
    language: d.language,
    source: sourceOf(d),
    limits: {
      ...(d.time_ms ? { time_limit_ms: Number(d.time_ms) } : {}),
      ...(d.wall_ms ? { wall_time_limit_ms: Number(d.wall_ms) } : {}),
      ...(d.memory_mib ? { memory_limit_bytes: Math.round(Number(d.memory_mib) * 1024 * 1024) } : {}),
    },
    tests: d.tests.map((t) => testOf(t, d.only_input)),
    ...(checker ? { checker } : {}),
    stop_on_failure: d.stop_on_failure,
  };
}
