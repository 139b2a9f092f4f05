/* One submission, from the queue to the report: what the page of a submission and "Try it" share. */

import type { Report, TestReport } from './api';
import { ruleOf } from './compare';
import { NONE, bytes, count, duration, fullTime, time } from './format';
import type { Judged } from './judged';
import { useDefaults } from './defaults';
import { hitText, limitsOf, type LimitsInForce } from './limits';
import { Copy } from './copy';
import { pointed, type Mark } from './marks';
import { Text, Word } from './text';
import { HitText, linesOf, Tests } from './tests';
import { Timeline } from './timeline';
import { Bar, Card, Figure, Notice } from './ui';
import { Badge, StateBadge } from './verdict';

/* ---- while it waits and runs ---- */

function Progress({ judged }: { judged: Judged }) {
  const { pending, state, tests, sent } = judged;
  const total = sent?.tests?.length ?? 0;
  return (
    <div class="progress">
      <StateBadge state={state ?? 'queued'} />
      {state === 'queued' && pending && pending.position > 0 && <span>{count(pending.position)} in the queue</span>}
      {state === 'running' && (tests.size > 0
        ? <span>{count(tests.size)} of {count(total)} tests judged</span>
        : <span>{judged.phase === 'build' ? 'it is being built' : judged.phase === 'run' ? 'its tests run' : 'it starts'}</span>)}
      {pending?.reason && <Notice text={`It waits: ${pending.reason}`} tone="slow" />}
    </div>
  );
}

/* ---- when it is final ---- */

/* The test that the verdict is from; without tests the report is its own. */
function decisive(report: Report): TestReport | Report {
  return report.tests.find((t) => t.verdict === report.verdict && t.verdict !== 'OK') ?? report;
}

function Verdict({ report, limits }: { report: Report; limits: LimitsInForce }) {
  const hit = hitText(decisive(report), limits);
  const at = decisive(report);
  if (report.error === 'cancelled') return <div class="outcome"><StateBadge state="cancelled" /><span>It was cancelled.</span></div>;
  return (
    <>
      <div class="outcome">
        <Badge verdict={report.verdict} long />
        {'number' in at && <span>first on test {at.number}</span>}
        {report.status !== report.verdict && <span>told as {report.status}</span>}
        {report.signal && <span>killed by {report.signal}</span>}
        {!report.signal && report.exit_code != null && <span>exit code {report.exit_code}</span>}
      </div>
      {hit && <HitText hit={hit} />}
      <Notice text={report.error} />
    </>
  );
}

function Outcome({ report, limits }: { report: Report; limits: LimitsInForce }) {
  const ran = report.tests.filter((t) => t.duration_ms != null);
  const passed = ran.filter((t) => t.verdict === 'OK').length;
  const hasRun = ran.length > 0 || (report.tests.length === 0 && report.verdict !== 'BF' && report.duration_ms != null);
  const cpu = ran.length ? Math.max(...ran.map((t) => t.cpu_time_ms ?? 0)) : report.cpu_time_ms;
  const byClock = hitText(decisive(report), limits)?.name === 'Wall time';
  const measured = <T,>(value: T): T | null => (hasRun ? value : null);

  return (
    <dl class="figures">
      <Figure name="Tests passed" value={ran.length ? `${count(passed)} of ${count(report.tests.length)}` : NONE} />
      <Figure name="Run time" value={duration(measured(report.duration_ms))} />
      <div class="figure">
        <dt>{ran.length > 1 ? 'Largest CPU time' : 'CPU time'}</dt>
        <dd><Bar name="CPU time" value={measured(cpu)} limit={byClock ? null : limits.time_ms} text={duration(measured(cpu))} />
          {limits.time_ms && !byClock && <small>limit {duration(limits.time_ms)}</small>}</dd>
      </div>
      <div class="figure">
        <dt>Memory</dt>
        <dd><Bar name="Memory" value={measured(report.memory_bytes)} limit={limits.memory_bytes} text={bytes(measured(report.memory_bytes))} />
          {limits.memory_bytes && <small>limit {bytes(limits.memory_bytes)}</small>}</dd>
      </div>
      <Figure name="Finished" value={time(report.timestamp)} note={fullTime(report.timestamp)} />
      {report.attempts > 1 && <Figure name="Attempts" value={count(report.attempts)} />}
    </dl>
  );
}

/* Without tests the program's output is the report's own. */
function Output({ report }: { report: Report }) {
  return (
    <Card title="Output" wide>
      <div class="side-by-side">
        {[['Standard output', report.stdout] as const, ['Standard error', report.stderr] as const].map(([title, text]) => (
          <div>
            <div class="pane-head"><h3>{title}</h3>{text && <Copy text={() => text} of={title.toLowerCase()} />}</div>
            <Text text={text} label={title} />
          </div>
        ))}
      </div>
    </Card>
  );
}

function Origin({ report }: { report: Report }) {
  const p = report.produced_by;
  const rows: [string, string][] = [['Compiler', p.compiler], ['Build', p.build], ['Run', p.run], ['Image', p.image],
    ['scrc', p.version]];
  return (
    <Card title="Judged with" wide>
      <dl class="pairs">
        {rows.filter(([, value]) => value).map(([name, value]) => <><dt>{name}</dt><dd><code><Word text={value} /></code></dd></>)}
      </dl>
    </Card>
  );
}

/* What the compiler says, and the ways from there to the lines it is about. */
function BuildLog({ log, marks }: { log: string; marks: Mark[] }) {
  return (
    <Card title="Build log" wide note={<Copy text={() => log} of="the build log" />}>
      {marks.length > 0 && (
        <ul class="marks" aria-label="Marked lines">
          {marks.map((m) => (
            <li>
              <button type="button" class={`quiet mark-${m.severity}`} onClick={() => (pointed.value = { mark: m })}>
                Line {m.line}<span class="mark-text"><Word text={m.message} /></span>
              </button>
            </li>
          ))}
        </ul>
      )}
      <Text text={log} label="Build log" />
    </Card>
  );
}

/* chosen: the test that is to be seen; choose: another one was pointed at. marks: of its build log. */
export function Judging({ judged, chosen, choose, marks }:
  { judged: Judged; chosen: number | null; choose: (number: number) => void; marks: Mark[] }) {
  const { report, sent } = judged;
  const defaults = useDefaults();
  const limits = limitsOf(sent, report, defaults);
  const lines = linesOf(sent, judged.tests, report?.tests ?? null);

  return (
    <>
      <Notice text={judged.error} />
      <Card title="Result" wide>
        <div role="status">{report ? <Verdict report={report} limits={limits} /> : <Progress judged={judged} />}</div>
        {report && <Outcome report={report} limits={limits} />}
        {report && <Timeline report={report} />}
      </Card>
      {report?.build_log && <BuildLog log={report.build_log} marks={marks} />}
      {lines.length > 0 && (
        <Card title="Tests" wide note={report ? null : 'as they are judged'}>
          <Tests lines={lines} limits={limits} rule={ruleOf(sent?.checker, defaults.checker)} chosen={chosen} choose={choose} />
        </Card>
      )}
      {report && lines.length === 0 && report.verdict !== 'BF' && <Output report={report} />}
      {report && <Origin report={report} />}
    </>
  );
}
