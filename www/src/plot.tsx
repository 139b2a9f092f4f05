/* Curves over time. uPlot is loaded when the first one is drawn; a table of the latest values says
 * the same to those who do not see them. */

import { useEffect, useRef, useState } from 'preact/hooks';
import type uPlot from 'uplot';

import { useStore } from './store';
import { isDark } from './theme';

export interface Curve {
  name: string;
  colour: string; /* a custom property of style.css */
  values: (number | null)[];
}

export interface PlotProps {
  title: string;
  times: number[]; /* seconds since 1970 */
  curves: Curve[];
  format: (value: number | null) => string;
  whole?: boolean; /* of things that `format` shows without a fraction: no two ticks read the same */
}

const HEIGHT = 180;
const WHOLE_STEPS = Array.from({ length: 10 }, (_, i) => [1, 2, 5].map((n) => n * 10 ** i)).flat();

const css = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const clockOf = (seconds: number): string => clock.format(seconds * 1000);

function optionsOf(p: PlotProps, width: number): uPlot.Options {
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
    series: [{}, ...p.curves.map((c) => ({
      label: c.name, stroke: css(c.colour), width: 1.5, points: { size: 4 }, spanGaps: true,
    }))],
  };
}

const dataOf = (p: PlotProps): uPlot.AlignedData => [p.times, ...p.curves.map((c) => c.values)];

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

export function Plot(p: PlotProps) {
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
    void import('uplot').then(({ default: UPlot }) => {
      if (gone || !box) return;
      const options = optionsOf(latest.current, box.clientWidth);
      options.hooks = { setCursor: [(u) => setAt(u.cursor.idx ?? null)] };
      plot.current = new UPlot(options, dataOf(latest.current), box);
      size = new ResizeObserver(() => plot.current?.setSize({ width: box.clientWidth, height: HEIGHT }));
      size.observe(box);
    }, () => undefined); /* not in reach: the figures below are there */
    return () => {
      gone = true;
      size?.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape, dark]);
  useEffect(() => plot.current?.setData(dataOf(p)), [p.times]);

  return (
    <figure class="plot">
      <figcaption>{p.title}</figcaption>
      <div ref={host} class="plot-canvas" role="img" aria-label={`${p.title}: its latest values are below`} />
      <Legend p={p} at={at != null && at < p.times.length ? at : null} />
    </figure>
  );
}
