/* What the server says, as openapi.yaml describes it: the only place that knows its shapes. */

export const VERDICTS = ['OK', 'WA', 'TL', 'ML', 'RE', 'OL', 'BF', '-'] as const;
export type Verdict = (typeof VERDICTS)[number];

export const STATES = ['queued', 'running', 'done', 'cancelled'] as const;
export type State = (typeof STATES)[number];

export const isFinal = (state: State): boolean => state === 'done' || state === 'cancelled';

/* One row of GET /results. */
export interface Item {
  id: string;
  state: State;
  status: Verdict | null;
  verdict: Verdict | null;
  language: string;
  submitted_at: string;
  finished_at: string | null;
  duration_ms: number | null;
  cpu_time_ms: number | null;
  memory_bytes: number | null;
  tests_total: number | null;
  tests_passed: number | null;
  error: string | null;
  attempts: number;
  labels: Record<string, string>;
}

export interface Page {
  results: Item[];
  next_cursor: string | null;
}

export interface Limits {
  time_limit_ms?: number | null;
  memory_limit_bytes?: number | null;
  wall_time_limit_ms?: number | null;
}

export interface Test {
  number?: number | null;
  input?: string | null;
  input_base64?: string | null;
  expected_output?: string | null;
  expected_output_base64?: string | null;
}

export const CHECKERS = ['lines', 'exact', 'tokens', 'float', 'none'] as const;
export type CheckerName = (typeof CHECKERS)[number];
export type Checker = CheckerName | {
  name: CheckerName;
  case_sensitive?: boolean | null;
  absolute_tolerance?: number | null;
  relative_tolerance?: number | null;
};

/* What POST /submissions takes. */
export interface Submission {
  id?: string;
  language: string;
  source: string;
  limits?: Limits;
  tests?: Test[];
  checker?: Checker;
  stop_on_failure?: boolean;
  priority?: number;
  owner?: string;
  labels?: Record<string, string>;
}

/* GET /submissions/{id}. */
export interface Sent extends Submission {
  id: string;
  state: State;
  submitted_at: string;
}

/* 202 of GET /results/{id} and of POST /submissions. */
export interface Pending {
  id: string;
  state: State;
  position: number;
  reason: string;
}

export interface Difference {
  line: number;
  column: number;
  from_column?: number; /* reports of the first versions have neither this nor a gap */
  expected: string;
  got: string;
}

/* Where a text leaves something out: its line `marker` stands for that, and behind it the output
 * goes on at this place. */
export interface Gap {
  marker: string;
  line: number;
  column: number;
}

export type LimitHit = 'cpu' | 'wall' | 'memory' | 'output' | 'processes';

/* Those that were in force. */
export interface ReportLimits {
  time_limit_ms: number;
  wall_time_limit_ms: number | null; /* null: it followed from the time limit */
  memory_limit_bytes: number;
  output_limit_bytes?: number | null;
}

export interface TestReport {
  number: number;
  status: Verdict;
  verdict: Verdict;
  exit_code: number | null;
  signal: string | null;
  duration_ms: number | null;
  cpu_time_ms: number | null;
  memory_bytes: number | null;
  stdout: string;
  stderr: string;
  stdout_truncated: boolean;
  stderr_truncated: boolean;
  stdout_base64: string | null;
  stderr_base64: string | null;
  stdout_gap?: Gap | null;
  input: string;
  expected_output: string;
  error: string;
  first_difference: Difference | null;
  limit_hit?: LimitHit | null; /* reports of the first versions have neither this nor limits */
}

export interface Report {
  id: string;
  status: Verdict;
  verdict: Verdict;
  language: string;
  exit_code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
  duration_ms: number | null;
  cpu_time_ms: number | null;
  memory_bytes: number | null;
  error: string;
  tests: TestReport[];
  timestamp: string;
  queue_ms: number;
  build_ms: number;
  run_ms: number;
  build_log: string;
  attempts: number;
  produced_by: { version: string; image: string; build: string; run: string; compiler: string };
  limits?: ReportLimits | null;
  limit_hit?: LimitHit | null;
}

/* A `test` event: a test has been judged. */
export type TestEvent = Pick<TestReport, 'number' | 'status' | 'verdict' | 'duration_ms'
  | 'cpu_time_ms' | 'memory_bytes' | 'exit_code' | 'signal' | 'limit_hit'>;

export interface Language {
  name: string;
  title: string;
  image: string | null;
  run_image: string;
  workdir: string;
  source_name: string;
  build: string[];
  run: string[];
  state: 'pending' | 'ok' | 'failed';
  version: string;
  accelerator: string;
  error: string;
  memory_allowance_bytes: number;
  strict_memory: boolean;
}

/* RFC 9457. */
export interface Problem {
  title: string;
  status: number;
  detail: string;
  errors?: { pointer?: string; parameter?: string; detail: string }[];
}

/* ---- the stream ---- */

/* Of a `state` event, and of a `report` event on /events. */
export interface EventState extends Item {
  position: number;
  phase: 'build' | 'run' | null;
}

/* ---- GET /stats ---- */

export interface Quantiles {
  p50: (number | null)[];
  p95: (number | null)[];
  p99: (number | null)[];
}

export const STAGES = ['total', 'queue', 'build', 'run'] as const;
export type Stage = (typeof STAGES)[number];

export interface Stats {
  step_ms: number;
  series: string;
  t: number[];
  submitted: number[];
  finished: number[];
  by_verdict: Record<string, number[]>;
  by_language: Record<string, number[]>;
  by_language_verdict: { language: string; verdict: Verdict; counts: number[] }[];
  queued: (number | null)[];
  running: (number | null)[];
  cells_idle: (number | null)[];
  cells_taken: (number | null)[];
  latency_ms: Record<Stage, Quantiles>;
  present: Present;
}

export interface Kafka {
  connected: boolean;
  why: string;
  paused: boolean;
  partitions: number;
  lag: number;
  outbox: number;
  messages: Record<string, number>;
}

export interface Present {
  at: string;
  ready: boolean;
  reasons: string[];
  degraded: string[];
  queued: number;
  running: number;
  final: number;
  parallel: number;
  oldest_queued: { id: string; language: string; submitted_at: string; wait_ms: number; reason: string } | null;
  pool: { idle: number; taken: number; removing: number; made: number; died: number };
  build_cache: null | { entries: number; bytes: number; max_bytes: number; hits: number; misses: number; evicted: number };
  docker: { answers: boolean; why: string };
  table: { writable: boolean; why: string; late_reports: number };
  subscribers: number;
  kafka: Kafka | null;
}

/* ---- GET /system ---- */

export interface Finding {
  name: string;
  state: 'ok' | 'warn' | 'bad';
  says: string;
  means: string;
  mend: string;
}

export interface Setting {
  name: string;
  value: string | null;
  default: string | null;
  is_set: boolean;
  help: string;
}

export interface Server {
  instance: string;
  host: string;
  version: string;
  slots: number;
  claims: number;
  seen_ms: number;
  over: boolean;
  own: boolean;
}

export interface System {
  findings: Finding[];
  findings_at: string;
  languages: Language[];
  settings: Setting[];
  servers: Server[];
  server: {
    version: string;
    commit: string | null;
    compiler: string;
    libraries: Record<string, string>;
    started_at: string;
    uptime_ms: number;
    table: string;
    instance: string;
  };
  process: { pid: number; rss_bytes: number; cpu_ms: number; open_fds: number; max_fds: number; threads: number };
}
