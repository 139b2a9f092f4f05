/* What is being written under "Try it". It survives going to another page and back, and a reload of
 * the tab. */

import type { CheckerName, Submission } from './api';
import { EXAMPLES, EXAMPLE_TESTS } from './examples';
import { Store } from './store';

export interface DraftTest {
  input: string;
  expected_output: string;
}

export interface Draft {
  language: string;
  sources: Record<string, string>; /* by language; absent: its example */
  time_ms: string;
  memory_mib: string;
  checker: CheckerName | '';
  stop_on_failure: boolean;
  tests: DraftTest[];
  id: string | null; /* of what was sent last */
  again: number; /* how often it was started over */
}

const KEY = 'scrc.draft';

const fresh = (): Draft => ({
  language: 'python', sources: {}, time_ms: '2000', memory_mib: '128', checker: '', stop_on_failure: true,
  tests: EXAMPLE_TESTS, id: null, again: 0,
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

export const sourceOf = (d: Draft): string => d.sources[d.language] ?? EXAMPLES[d.language] ?? '';

/* What the server is asked; an empty limit is its default. */
export function submissionOf(d: Draft): Submission {
  return {
    language: d.language,
    source: sourceOf(d),
    limits: {
      ...(d.time_ms ? { time_limit_ms: Number(d.time_ms) } : {}),
      ...(d.memory_mib ? { memory_limit_bytes: Math.round(Number(d.memory_mib) * 1024 * 1024) } : {}),
    },
    tests: d.tests,
    ...(d.checker ? { checker: d.checker } : {}),
    stop_on_failure: d.stop_on_failure,
  };
}
