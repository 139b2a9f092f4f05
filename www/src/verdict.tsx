/* A verdict is always a word; the colour only helps. */

import type { Item, State, Verdict } from './api';

export const MEANING: Record<Verdict, string> = {
  OK: 'accepted',
  WA: 'wrong answer',
  TL: 'time limit',
  ML: 'memory limit',
  RE: 'run-time error',
  OL: 'output limit',
  BF: 'build failed',
  '-': 'not judged',
};

/* Names of classes in style.css. */
const TONE: Record<Verdict, string> = {
  OK: 'ok', WA: 'bad', TL: 'slow', ML: 'slow', RE: 'crash', OL: 'slow', BF: 'crash', '-': 'none',
};

export const toneOf = (verdict: Verdict): string => TONE[verdict] ?? 'none';

export function Badge({ verdict, long = false }: { verdict: Verdict; long?: boolean }) {
  const meaning = MEANING[verdict] ?? '';
  return (
    <span class={`badge tone-${toneOf(verdict)}`} title={meaning}>
      <b>{verdict === '-' ? '—' : verdict}</b>
      {long && ` ${meaning}`}
      {!long && <span class="unseen"> {meaning}</span>}
    </span>
  );
}

export function StateBadge({ state }: { state: State }) {
  return <span class={`badge tone-${state === 'running' ? 'running' : 'none'}`}>{state}</span>;
}

/* What is known of a row: its verdict, else its state. */
export function ItemBadge({ item }: { item: Item }) {
  if (item.state === 'cancelled' || !item.verdict) return <StateBadge state={item.state} />;
  return <Badge verdict={item.verdict} />;
}
