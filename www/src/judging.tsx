/* One submission, from the queue to the report: what the page of a submission and "Try it" share. */

import type { Checker, CheckerName, Report, Sent } from './api';
import { bytes, count, duration, fullTime, time } from './format';
import type { Judged } from './judged';
import { useDefaults, type Defaults } from './defaults';
import { Text, Word } from './text';
import { linesOf, Tests, type LimitsInForce } from './tests';
import { Timeline } from './timeline';
import { Bar, Card, Figure, Notice } from './ui';
import { Badge, StateBadge } from './verdict';

/* 0 is the server's default, and so is nothing. */
export function limitsOf(sent: Sent | null, defaults: Defaults): LimitsInForce {
  return {
    time_ms: sent?.limits?.time_limit_ms || defaults.time_ms,
    memory_bytes: sent?.limits?.memory_limit_bytes || defaults.memory_bytes,
  };
}

const checkerName = (checker: Checker | undefined): CheckerName =>
  (typeof checker === 'object' ? checker.name : checker) ?? 'lines';

/* ---- while it waits and runs ---- */

function Progress({ judged }: { judged: Judged }) {
  const { pending, state, tests, sent } = judged;
  const total = sent?.tests?.length ?? 0;
  return (
    <div class="progress" role="status">
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

function Outcome({ report, limits }: { report: Report; limits: LimitsInForce }) {
  const ran = report.tests.filter((t) => t.verdict !== '-');
  const passed = ran.filter((t) => t.verdict === 'OK').length;
  const slowest = Math.max(0, ...ran.map((t) => t.cpu_time_ms ?? 0));
  const cpu = ran.length ? slowest : report.cpu_time_ms;

  return (
    <>
      <div class="outcome">
        <Badge verdict={report.verdict} long />
        {report.status !== report.verdict && <span>told as {report.status}</span>}
        {report.signal && <span>killed by {report.signal}</span>}
        {!report.signal && report.exit_code != null && <span>exit code {report.exit_code}</span>}
      </div>
      {report.error && <Notice text={report.error === 'cancelled' ? 'It was cancelled.' : report.error} />}
      <dl class="figures">
        <Figure name="Tests passed" value={report.tests.length ? `${count(passed)} of ${count(report.tests.length)}` : '–'} />
        <Figure name="Run time" value={duration(report.duration_ms)} />
        <div class="figure">
          <dt>{ran.length ? 'Largest CPU time' : 'CPU time'}</dt>
          <dd><Bar name="CPU time" value={cpu} limit={limits.time_ms} text={duration(cpu)} />
            {limits.time_ms && <small>limit {duration(limits.time_ms)}</small>}</dd>
        </div>
        <div class="figure">
          <dt>Memory</dt>
          <dd><Bar name="Memory" value={report.memory_bytes} limit={limits.memory_bytes} text={bytes(report.memory_bytes)} />
            {limits.memory_bytes && <small>limit {bytes(limits.memory_bytes)}</small>}</dd>
        </div>
        <Figure name="Finished" value={time(report.timestamp)} note={fullTime(report.timestamp)} />
        {report.attempts > 1 && <Figure name="Attempts" value={count(report.attempts)} />}
      </dl>
    </>
  );
}

/* Without tests the program's output is the report's own. */
function Output({ report }: { report: Report }) {
  return (
    <Card title="Output" wide>
      <div class="side-by-side">
        <div><h3>Standard output</h3><Text text={report.stdout} label="Standard output" /></div>
        <div><h3>Standard error</h3><Text text={report.stderr} label="Standard error" /></div>
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

export function Judging({ judged }: { judged: Judged }) {
  const { report, sent } = judged;
  const limits = limitsOf(sent, useDefaults());
  const lines = linesOf(sent, judged.tests, report?.tests ?? null);

  return (
    <>
      <Notice text={judged.error} />
      <Card title="Result" wide>
        {report ? <Outcome report={report} limits={limits} /> : <Progress judged={judged} />}
        {report && <Timeline report={report} />}
      </Card>
      {report?.build_log && (
        <Card title="Build log" wide><Text text={report.build_log} label="Build log" /></Card>
      )}
      {lines.length > 0 && (
        <Card title="Tests" wide note={report ? null : 'as they are judged'}>
          <Tests lines={lines} limits={limits} checker={checkerName(sent?.checker)} />
        </Card>
      )}
      {report && lines.length === 0 && report.verdict !== 'BF' && <Output report={report} />}
      {report && <Origin report={report} />}
    </>
  );
}
