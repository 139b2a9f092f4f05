/* Curves over time. uPlot is loaded when the first one is drawn; a table of the latest values says
 * the same to those who do not see them. */

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type uPlot from 'uplot';

import { useStore } from './store';
import { isDark } from './theme';

export interface Curve {
  name: string;
  colour: string; /* a custom property of style.css */
  values: (number | null)[];
  width?: number;
}

export interface PlotProps {
  title: string;
  times: number[]; /* seconds since 1970 */
  curves: Curve[];
  format: (value: number | null) => string;
  stacked?: boolean; /* as bars, one upon the other */
  whole?: boolean; /* of things that `format` shows without a fraction: no two ticks read the same */
}

/* Called early, it is there when the first values are. */
export const loadPlots = () => import('uplot');

const HEIGHT = 180;
const WHOLE_STEPS = Array.from({ length: 10 }, (_, i) => [1, 2, 5].map((n) => n * 10 ** i)).flat();

const css = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const clockOf = (seconds: number): string => clock.format(seconds * 1000);

function optionsOf(p: PlotProps, width: number, bars: uPlot.Series.PathBuilder | undefined): uPlot.Options {
  const axis = { stroke: css('--ink-soft'), grid: { stroke: css('--line'), width: 1 }, ticks: { show: false }, font: '11px system-ui, sans-serif' };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    scales: { y: { range: (_u, _min, max) => [0, max > 0 ? max * 1.1 : 1] } },
    padding: [12, 12, 0, 0],
    axes: [
      { ...axis, size: 28, space: 60, values: (_u, ticks) => ticks.map(clockOf) },
      { ...axis, size: 64, ...(p.whole && { incrs: WHOLE_STEPS }), values: (_u, ticks) => ticks.map((t) => p.format(t)) },
    ],
    series: [{}, ...drawnCurves(p).map((c): uPlot.Series => (p.stacked
      ? { label: c.name, fill: css(c.colour), width: 0, points: { show: false }, ...(bars && { paths: bars }) }
      : { label: c.name, stroke: css(c.colour), width: c.width ?? 1.5, points: { show: true, size: 5, fill: css(c.colour), filter: alone } }))],
  };
}

/* ---- bars ---- */

const BAR_PX = 8;

function meanOf(values: (number | null | undefined)[]): number | null {
  const known = values.filter((v) => v != null);
  return known.length ? known.reduce((a, b) => a + b, 0) / known.length : null;
}

/* Steps put together until a bar of each has its room: always the same ones, so that bars do not
 * change as time goes on. */
function fitted(p: PlotProps, width: number): PlotProps {
  const step = (p.times[1] ?? 1) - (p.times[0] ?? 0);
  const per = Math.ceil((p.times.length * BAR_PX) / Math.max(1, width));
  if (!p.stacked || per <= 1 || step <= 0) return p;
  const groups = new Map<number, number[]>();
  p.times.forEach((t, i) => {
    const key = Math.floor(t / (step * per));
    groups.set(key, [...(groups.get(key) ?? []), i]);
  });
  return {
    ...p,
    times: [...groups.keys()].map((key) => key * step * per),
    curves: p.curves.map((c) => ({ ...c, values: [...groups.values()].map((g) => meanOf(g.map((i) => c.values[i]))) })),
  };
}

/* Each curve with those before it below; the highest is drawn first. */
function stackOf(curves: Curve[]): Curve[] {
  const sums: number[] = [];
  return curves.map((c) => ({
    ...c,
    values: c.values.map((v, i) => (sums[i] = (sums[i] ?? 0) + (v ?? 0))),
  })).reverse();
}

const drawnCurves = (p: PlotProps): Curve[] => (p.stacked ? stackOf(p.curves) : p.curves);

const dataOf = (p: PlotProps): uPlot.AlignedData => [p.times, ...drawnCurves(p).map((c) => c.values)];

/* Points that no line leads to. */
const alone: uPlot.Series.Points.Filter = (u, series) => {
  const values = u.data[series] ?? [];
  return Array.from(values.keys()).filter((i) => values[i] != null && values[i - 1] == null && values[i + 1] == null);
};

const lastOf = (values: (number | null)[]): number | null => values.findLast((v) => v != null) ?? null;

function Legend({ p, at }: { p: PlotProps; at: number | null }) {
  return (
    <p class="legend">
      {p.curves.map((c) => (
        <span><i class="dot" style={{ background: `var(${c.colour})` }} />{c.name}{' '}
          <b>{p.format(at == null ? lastOf(c.values) : c.values[at] ?? null)}</b></span>
      ))}
    </p>
  );
}

export function Plot(asked: PlotProps) {
  const [width, setWidth] = useState(600);
  const p = useMemo(() => fitted(asked, width), [asked.times, asked.curves, width]);
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(p);
  const dark = useStore(isDark);
  const [at, setAt] = useState<number | null>(null);
  const shape = p.curves.map((c) => c.name).join();
  latest.current = p;

  useEffect(() => {
    const box = host.current;
    let gone = false;
    let size: ResizeObserver | null = null;
    void loadPlots().then(({ default: UPlot }) => {
      if (gone || !box) return;
      const options = optionsOf(latest.current, box.clientWidth, UPlot.paths.bars?.({ size: [0.85, 60] }));
      options.hooks = { setCursor: [(u) => setAt(u.cursor.idx ?? null)] };
      plot.current = new UPlot(options, dataOf(latest.current), box);
      size = new ResizeObserver(() => {
        plot.current?.setSize({ width: box.clientWidth, height: HEIGHT });
        setWidth(box.clientWidth);
      });
      size.observe(box);
    }, () => undefined); /* not in reach: the figures below are there */
    return () => {
      gone = true;
      size?.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape, dark]);
  useEffect(() => plot.current?.setData(dataOf(p)), [p]);

  return (
    <figure class="plot">
      <figcaption>{p.title}</figcaption>
      <div ref={host} class="plot-canvas" role="img" aria-label={`${p.title}: its latest values are below`} />
      <Legend p={p} at={at != null && at < p.times.length ? at : null} />
    </figure>
  );
}
