/* Where the time went: queue, build and each test, end to end. */

import type { Report } from './api';
import { duration } from './format';
import { MEANING, toneOf } from './verdict';

interface Span {
  name: string;
  ms: number;
  tone: string;
}

/* More than these are not told apart. */
const MAX_TESTS = 200;

function spansOf(report: Report): Span[] {
  const ran = report.tests.filter((t) => t.duration_ms != null);
  const spans: Span[] = [
    { name: 'queue', ms: report.queue_ms, tone: 'queue' },
    { name: 'build', ms: report.build_ms, tone: 'build' },
  ];
  for (const t of ran.slice(0, MAX_TESTS)) {
    spans.push({ name: `test ${t.number}, ${MEANING[t.verdict]}`, ms: t.duration_ms ?? 0, tone: toneOf(t.verdict) });
  }
  const rest = ran.slice(MAX_TESTS).reduce((sum, t) => sum + (t.duration_ms ?? 0), 0);
  if (rest > 0) spans.push({ name: `${ran.length - MAX_TESTS} more tests`, ms: rest, tone: 'none' });
  if (ran.length === 0 && report.duration_ms) spans.push({ name: 'run', ms: report.duration_ms, tone: toneOf(report.verdict) });
  return spans.filter((s) => s.ms > 0);
}

export function Timeline({ report }: { report: Report }) {
  const spans = spansOf(report);
  const tests = spans.reduce((sum, s) => sum + s.ms, 0) - report.queue_ms - report.build_ms;
  const legend: [string, string, number][] = [
    ['queue', 'queue', report.queue_ms], ['build', 'build', report.build_ms], ['tests', 'ok', Math.max(0, tests)],
  ];

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
        {legend.map(([name, tone, ms]) => (
          <span><i class={`dot tone-${tone}`} />{name} <b>{duration(ms)}</b></span>
        ))}
      </p>
    </div>
  );
}
