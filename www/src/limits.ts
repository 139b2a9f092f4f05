/* The limits that were in force, and the one that a program ran into. */

import type { LimitHit, Report, Sent, TestEvent, TestReport } from './api';
import type { Defaults } from './defaults';
import { bytes, duration } from './format';

export interface LimitsInForce {
  time_ms: number | null;
  wall_ms: number | null; /* null: it follows from the time limit */
  memory_bytes: number | null;
  output_bytes: number | null;
  processes: number | null;
}

/* The report knows; before there is one, 0 is the server's default, and so is nothing. */
export function limitsOf(sent: Sent | null, report: Report | null, defaults: Defaults): LimitsInForce {
  const said = report?.limits;
  return {
    time_ms: said?.time_limit_ms ?? (sent?.limits?.time_limit_ms || defaults.time_ms),
    wall_ms: said ? said.wall_time_limit_ms : sent?.limits?.wall_time_limit_ms || null,
    memory_bytes: said?.memory_limit_bytes ?? (sent?.limits?.memory_limit_bytes || defaults.memory_bytes),
    output_bytes: defaults.output_bytes,
    processes: defaults.processes,
  };
}

/* An event does not say which limit it was. */
type Measured = Pick<TestEvent | TestReport, 'verdict' | 'cpu_time_ms' | 'duration_ms' | 'memory_bytes'>
  & { limit_hit?: LimitHit | null };

/* What does not say which one it was ended with the verdict of one. */
export function hitOf(m: Measured, limits: LimitsInForce): LimitHit | null {
  if (m.limit_hit !== undefined) return m.limit_hit;
  if (m.verdict === 'ML') return 'memory';
  if (m.verdict === 'OL') return 'output';
  if (m.verdict !== 'TL') return null;
  return m.cpu_time_ms != null && limits.time_ms && m.cpu_time_ms < limits.time_ms ? 'wall' : 'cpu';
}

/* The limit, its value, and how far the program went. */
export interface Hit {
  name: string;
  limit: string;
  reached: string;
  note: string;
}

export function hitText(m: Measured, limits: LimitsInForce): Hit | null {
  switch (hitOf(m, limits)) {
  case 'cpu': return { name: 'CPU time', limit: duration(limits.time_ms), reached: duration(m.cpu_time_ms), note: '' };
  case 'wall': return {
    name: 'Wall time',
    limit: limits.wall_ms ? duration(limits.wall_ms) : `${duration(limits.time_ms)} + 100 ms + what it waited for the processor`,
    reached: duration(m.duration_ms),
    note: `of that ${duration(m.cpu_time_ms)} of CPU time`,
  };
  case 'memory': return { name: 'Memory', limit: bytes(limits.memory_bytes), reached: bytes(m.memory_bytes), note: '' };
  case 'output': return {
    name: 'Output', limit: limits.output_bytes ? bytes(limits.output_bytes) : 'of the server', reached: 'more', note: '',
  };
  case 'processes': return {
    name: 'Processes and threads', limit: limits.processes ? String(limits.processes) : 'of the server', reached: 'more', note: 'one was refused',
  };
  default: return null;
  }
}
