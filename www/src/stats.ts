/* GET /stats, kept fresh: all of a window once, then only the steps that are new or may still change. */

import type { Stats } from './api';
import { useAsked, type Fetched } from './fetched';
import { get } from './http';

/* Seconds. What ended that long ago has been counted, also what another server of a group judged. */
const LATE_S = 30;

export interface Range {
  window: number; /* seconds, likewise */
  step: number;
  every: number; /* milliseconds */
}

/* A column of old and new steps. Both may lack it: nothing was there to be counted. */
type Join = <V>(old: V[] | undefined, news: V[] | undefined, nothing: V) => V[];

function joinEach<V>(old: Record<string, V[]>, news: Record<string, V[]>, join: Join, nothing: V): Record<string, V[]> {
  return Object.fromEntries([...new Set([...Object.keys(old), ...Object.keys(news)])]
    .map((name) => [name, join(old[name], news[name], nothing)]));
}

function joinPairs(old: Stats, news: Stats, join: Join): Stats['by_language_verdict'] {
  const of = (s: Stats) => new Map(s.by_language_verdict.map((p) => [`${p.language} ${p.verdict}`, p]));
  const [before, now] = [of(old), of(news)];
  return [...new Map([...before, ...now])].map(([key, { language, verdict }]) => ({
    language, verdict, counts: join(before.get(key)?.counts, now.get(key)?.counts, 0),
  }));
}

function joinLatencies(old: Stats['latency_ms'], news: Stats['latency_ms'], join: Join): Stats['latency_ms'] {
  return Object.fromEntries(Object.entries(news)
    .map(([stage, q]) => [stage, joinEach<number | null>({ ...old[stage as keyof typeof old] }, { ...q }, join, null)])) as unknown as Stats['latency_ms'];
}

/* As many steps as before, the new ones in place of those that they tell anew. Null: they do not fit together. */
export function joined(old: Stats, news: Stats): Stats | null {
  const first = news.t[0] ?? 0;
  const kept = old.t.filter((t) => t < first).length;
  const step = old.step_ms / 1000;
  if (old.series !== news.series || kept === 0 || (old.t[kept - 1] ?? 0) + step !== first) return null;
  const from = Math.max(0, kept + news.t.length - old.t.length);
  const join: Join = (before, now, nothing) => [
    ...(before ?? old.t.map(() => nothing)).slice(from, kept), ...(now ?? news.t.map(() => nothing)),
  ];
  return {
    ...news,
    t: join(old.t, news.t, 0),
    submitted: join(old.submitted, news.submitted, 0),
    finished: join(old.finished, news.finished, 0),
    by_verdict: joinEach(old.by_verdict, news.by_verdict, join, 0),
    by_language: joinEach(old.by_language, news.by_language, join, 0),
    by_language_verdict: joinPairs(old, news, join),
    queued: join(old.queued, news.queued, null),
    running: join(old.running, news.running, null),
    cells_idle: join(old.cells_idle, news.cells_idle, null),
    cells_taken: join(old.cells_taken, news.cells_taken, null),
    latency_ms: joinLatencies(old.latency_ms, news.latency_ms, join),
  };
}

const received = new WeakMap<Stats, number>(); /* by performance.now() */

/* narrowed: the rest of the query. */
export function useStats({ window, step, every }: Range, narrowed: string): Fetched<Stats> {
  const path = (seconds: number) => `/stats?window=${seconds}&step=${step}${narrowed}` as const;
  const ask = async (old: Stats | null, signal: AbortSignal): Promise<Stats> => {
    const passed = old ? (performance.now() - (received.get(old) ?? 0)) / 1000 : 0;
    const part = (Math.ceil(passed / step) + 1 + Math.ceil(LATE_S / step)) * step;
    const some = old && part < window ? joined(old, await get(path(part), signal)) : null;
    const stats = some ?? await get(path(window), signal);
    received.set(stats, performance.now());
    return stats;
  };
  return useAsked<Stats>(path(window), ask, every);
}
