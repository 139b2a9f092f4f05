/* Where the time went: queue, build and each test, end to end. */

import type { Report } from './api';
import { duration } from './format';
import { MEANING, toneOf } from './verdict';

interface Span {
  name: string;
  part: string; /* what it counts as in the legend */
  ms: number;
  tone: string;
}

/* More than these are not told apart. */
const MAX_TESTS = 200;

function spansOf(report: Report): Span[] {
  const ran = report.tests.filter((t) => t.duration_ms != null);
  const spans: Span[] = [
    { name: 'queue', part: 'queue', ms: report.queue_ms, tone: 'queue' },
    { name: 'build', part: 'build', ms: report.build_ms, tone: 'build' },
  ];
  for (const t of ran.slice(0, MAX_TESTS)) {
    const part = `tests, ${MEANING[t.verdict]}`;
    spans.push({ name: `test ${t.number}, ${MEANING[t.verdict]}`, part, ms: t.duration_ms ?? 0, tone: toneOf(t.verdict) });
  }
  const rest = ran.slice(MAX_TESTS).reduce((sum, t) => sum + (t.duration_ms ?? 0), 0);
  if (rest > 0) spans.push({ name: `${ran.length - MAX_TESTS} more tests`, part: 'more tests', ms: rest, tone: 'none' });
  if (ran.length === 0 && report.duration_ms) {
    spans.push({ name: 'run', part: 'run', ms: report.duration_ms, tone: toneOf(report.verdict) });
  }
  return spans;
}

/* What the parts took together, in the order of their first. */
function partsOf(spans: Span[]): Span[] {
  const parts = new Map<string, Span>();
  for (const s of spans) {
    const known = parts.get(s.part);
    if (known) known.ms += s.ms;
    else parts.set(s.part, { ...s });
  }
  return [...parts.values()];
}

export function Timeline({ report }: { report: Report }) {
  const all = spansOf(report);
  const spans = all.filter((s) => s.ms > 0);

  if (spans.length === 0) return <p class="nothing">Nothing was run.</p>;
  return (
    <div class="timeline">
      <ol class="timeline-track" aria-label="Timeline">
        {spans.map((s) => (
          <li class={`span tone-${s.tone}`} style={{ flexGrow: String(s.ms) }} title={`${s.name}: ${duration(s.ms)}`}>
            <span class="unseen">{s.name}: {duration(s.ms)}</span>
          </li>
        ))}
      </ol>
      <p class="legend">
        {partsOf(all).map((p) => (
          <span><i class={`dot tone-${p.tone}`} />{p.part} <b>{duration(p.ms)}</b></span>
        ))}
      </p>
    </div>
  );
}
