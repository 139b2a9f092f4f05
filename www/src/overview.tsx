/* How it goes: what waits and runs, how much and how fast over time, and what everything stands on. */

import { useEffect, useState } from 'preact/hooks';

import { STAGES, VERDICTS, type Kafka, type Present, type Stage, type Stats } from './api';
import { bytes, count, duration, fullTime, plural } from './format';
import { FirstRun } from './first_run';
import { Latest } from './latest';
import { Plot, loadPlots, type Curve } from './plot';
import { submissionPath } from './router';
import { useStats } from './stats';
import { Word, plain } from './text';
import { Card, Figure, Notice, useTitle } from './ui';
import { MEANING } from './verdict';

/* ---- curves ---- */

const PALETTE = ['--curve-1', '--curve-2', '--curve-4', '--curve-5', '--curve-6', '--curve-7', '--curve-3', '--curve-8'];

const VERDICT_COLOUR: Record<string, string> = {
  OK: '--curve-4', WA: '--curve-3', TL: '--curve-2', ML: '--curve-7', RE: '--curve-5', OL: '--curve-6', BF: '--curve-1',
  '-': '--curve-8',
};

/* Without the last step, which is still growing. */
const perSecond = (counts: number[], s: Stats): (number | null)[] =>
  counts.map((n, i) => (i === s.t.length - 1 ? null : (n * 1000) / s.step_ms));

const rate = (v: number | null): string => (v == null ? '–' : `${v >= 100 ? Math.round(v) : Number(v.toFixed(v < 1 ? 2 : 1))}/s`);

const occurs = (counts: number[]): boolean => counts.some((n) => n > 0);

function countsOf(s: Stats, by: 'verdict' | 'language', language: string): Record<string, number[]> {
  if (by === 'language') return s.by_language;
  if (!language) return s.by_verdict;
  return Object.fromEntries(s.by_language_verdict.filter((r) => r.language === language).map((r) => [r.verdict, r.counts]));
}

function finishedCurves(s: Stats, by: 'verdict' | 'language', language: string): Curve[] {
  const counts = countsOf(s, by, language);
  const order = by === 'verdict' ? [...VERDICTS] : Object.keys(counts).sort();
  return order.filter((name) => occurs(counts[name] ?? [])).map((name, i) => ({
    name: by === 'verdict' ? `${name} ${MEANING[name as keyof typeof MEANING] ?? ''}` : name,
    colour: (by === 'verdict' ? VERDICT_COLOUR[name] : PALETTE[i % PALETTE.length]) ?? '--curve-8',
    values: perSecond(counts[name] ?? [], s),
  }));
}

function latencyCurves(s: Stats, stage: Stage): Curve[] {
  const q = s.latency_ms[stage];
  /* The widest first: none hides another that runs along with it. */
  return [{ name: 'p99', colour: '--curve-3', values: q.p99, width: 5 },
    { name: 'p95', colour: '--curve-2', values: q.p95, width: 3 }, { name: 'p50', colour: '--curve-4', values: q.p50 }];
}

/* ---- plots ---- */

function Select<T extends string>({ label, value, options, change }:
  { label: string; value: T; options: [T, string][]; change: (value: T) => void }) {
  return (
    <label class="inline-field">
      <span>{label}</span>
      <select value={value} onChange={(e) => change(e.currentTarget.value as T)}>
        {options.map(([v, text]) => <option value={v}>{text}</option>)}
      </select>
    </label>
  );
}

const languagesOf = (s: Stats): [string, string][] =>
  Object.keys(s.by_language).sort().map((l): [string, string] => [l, l]);

function Finished({ s }: { s: Stats }) {
  const [by, setBy] = useState<'verdict' | 'language'>('verdict');
  const [language, setLanguage] = useState('');
  const curves = finishedCurves(s, by, language);
  return (
    <Card title="Finished" note={<>
      <Select label="by" value={by} change={setBy} options={[['verdict', 'verdict'], ['language', 'language']]} />
      {by === 'verdict' && (
        <Select label="of" value={language} change={setLanguage}
          options={[['', 'all languages'], ...languagesOf(s)]} />
      )}
    </>}>
      <Plot title={`Finished a second, by ${by}`} times={s.t} format={rate} stacked
        curves={curves.length ? curves : [{ name: 'none', colour: '--curve-8', values: s.t.map(() => 0) }]} />
    </Card>
  );
}

/* Whose latencies are shown: '' is all. */
interface Whose {
  language: string;
  verdict: string;
}

function Latency({ s, whose, change }: { s: Stats; whose: Whose; change: (whose: Whose) => void }) {
  const [stage, setStage] = useState<Stage>('total');
  return (
    <Card title="Latency" note={<>
      <Select label="of" value={stage} change={setStage}
        options={STAGES.map((x): [Stage, string] => [x, x === 'total' ? 'all of it' : x])} />
      <Select label="in" value={whose.language} change={(language) => change({ ...whose, language })}
        options={[['', 'all languages'], ...languagesOf(s)]} />
      <Select label="with" value={whose.verdict} change={(verdict) => change({ ...whose, verdict })}
        options={[['', 'any verdict'], ...VERDICTS.map((v): [string, string] => [v, v])]} />
    </>}>
      <Plot title={stage === 'total' ? 'From accepted to final' : `Time in ${stage}`} times={s.t} format={duration} whole
        curves={latencyCurves(s, stage)} />
    </Card>
  );
}

function Plots({ s, whose, change }: { s: Stats; whose: Whose; change: (whose: Whose) => void }) {
  return (
    <div class="grid">
      <Card title="Throughput">
        <Plot title="A second" times={s.t} format={rate} curves={[
          { name: 'submitted', colour: '--curve-1', values: perSecond(s.submitted, s) },
          { name: 'finished', colour: '--curve-4', values: perSecond(s.finished, s) }]} />
      </Card>
      <Finished s={s} />
      <Latency s={s} whose={whose} change={change} />
      <Card title="Queue and cells">
        <Plot title="How many" times={s.t} format={count} whole curves={[
          { name: 'queued', colour: '--curve-2', values: s.queued },
          { name: 'running', colour: '--curve-1', values: s.running },
          { name: 'cells taken', colour: '--curve-5', values: s.cells_taken },
          { name: 'cells idle', colour: '--curve-8', values: s.cells_idle }]} />
      </Card>
    </div>
  );
}

/* ---- the present ---- */

function Health({ name, good, text }: { name: string; good: boolean | null; text: string }) {
  const tone = good == null ? 'none' : good ? 'ok' : 'bad';
  return (
    <>
      <dt>{name}</dt>
      <dd><span class={`badge tone-${tone}`}>{good == null ? 'off' : good ? 'good' : 'trouble'}</span> <Word text={text} /></dd>
    </>
  );
}

function kafkaText(kafka: Kafka): string {
  const state = kafka.why || (kafka.connected ? (kafka.paused ? 'reading is paused' : 'connected') : 'not connected');
  return `${state}; ${plural(kafka.partitions, 'partition')}, ${count(kafka.lag)} to read, ${count(kafka.outbox)} to send`;
}

const kafkaGood = (kafka: Kafka | null): boolean | null => (kafka ? kafka.connected && !kafka.why : null);

function buildsText(b: NonNullable<Present['build_cache']>): string {
  const asked = b.hits + b.misses;
  return `${plural(b.entries, 'build')}, ${bytes(b.bytes)} of ${bytes(b.max_bytes)}; `
    + `${count(b.hits)} of ${count(asked)} found, ${count(b.evicted)} gone to make room`;
}

function Standing({ p }: { p: Present }) {
  return (
    <Card title="Stands on">
      <dl class="pairs">
        <Health name="Docker" good={p.docker.answers && !p.docker.why} text={p.docker.why || 'answers'} />
        <Health name="Job table" good={p.table.writable} text={p.table.why || 'can be written'} />
        <Health name="Kafka" good={kafkaGood(p.kafka)} text={p.kafka ? kafkaText(p.kafka) : ''} />
        <dt>Cells</dt>
        <dd>{count(p.pool.idle)} idle, {count(p.pool.taken)} taken, {count(p.pool.removing)} being removed;{' '}
          {count(p.pool.made)} made, {count(p.pool.died)} died</dd>
        <Health name="Build cache" good={p.build_cache ? true : null} text={p.build_cache ? buildsText(p.build_cache) : ''} />
        <dt>Listening</dt>
        <dd>{plural(p.subscribers, 'event stream')}</dd>
      </dl>
    </Card>
  );
}

function Oldest({ p }: { p: Present }) {
  const o = p.oldest_queued;
  return (
    <Card title="Waits longest">
      {o ? (
        <dl class="pairs">
          <dt>Submission</dt><dd><a class="mono" href={submissionPath(o.id)}><bdi>{plain(o.id)}</bdi></a></dd>
          <dt>Language</dt><dd>{o.language}</dd>
          <dt>For</dt><dd title={fullTime(o.submitted_at)}>{duration(o.wait_ms)}</dd>
          <dt>Because</dt><dd><Word text={o.reason || 'others are before it'} /></dd>
        </dl>
      ) : <p class="nothing">Nothing waits.</p>}
    </Card>
  );
}

function Now({ s }: { s: Stats }) {
  const p = s.present;
  return (
    <>
      {p.reasons.map((text) => <Notice text={`Not able to judge: ${text}`} />)}
      {p.degraded.map((text) => <Notice text={text} tone="slow" />)}
      <dl class="figures figures-top">
        <Figure name="Queued" value={count(p.queued)} href="#/submissions?state=queued" note={p.oldest_queued ? `oldest ${duration(p.oldest_queued.wait_ms)}` : 'nothing waits'} />
        <Figure name="Running" value={count(p.running)} href="#/submissions?state=running" note={`at most ${count(p.parallel)} at once`} />
        <Figure name="Finished" value={count(p.final)} href="#/submissions?state=done" note="in the table" />
        <Figure name="Cells" value={count(p.pool.idle + p.pool.taken)} note={`${count(p.pool.taken)} taken`} />
        <Figure name="Able to judge" value={p.ready ? 'Yes' : 'No'} note={p.degraded.length ? 'with less than all' : null} />
      </dl>
    </>
  );
}

/* ---- the page ---- */

/* window and step in seconds, and how often it is asked in milliseconds */
const WINDOWS: Record<string, { title: string; window: number; step: number; every: number }> = {
  short: { title: '5 minutes', window: 300, step: 10, every: 5000 },
  middle: { title: '1 hour', window: 3600, step: 60, every: 5000 },
  long: { title: '24 hours', window: 86400, step: 60, every: 30_000 },
};

const isFirstRun = (p: Present): boolean => p.final + p.queued + p.running === 0;

export function Overview() {
  const [name, setName] = useState('short');
  const [whose, setWhose] = useState<Whose>({ language: '', verdict: '' });
  const w = WINDOWS[name] ?? WINDOWS['short']!;
  const narrowed = Object.entries(whose).filter(([, value]) => value).map(([key, value]) => `&${key}=${encodeURIComponent(value)}`);
  const { data: s, error } = useStats(w, narrowed.join(''));

  useTitle('Overview');
  useEffect(() => void loadPlots().catch(() => undefined), []);
  return (
    <>
      <div class="title-row">
        <h1>Overview</h1>
        <Latest />
        <Select label="The last" value={name} change={setName}
          options={Object.entries(WINDOWS).map(([key, x]): [string, string] => [key, x.title])} />
      </div>
      <Notice text={error} />
      {s && <Now s={s} />}
      {s && isFirstRun(s.present) && <Card title="To begin"><FirstRun /></Card>}
      {s && <Plots s={s} whose={whose} change={setWhose} />}
      {s && <div class="grid grid-below"><Oldest p={s.present} /><Standing p={s.present} /></div>}
    </>
  );
}
