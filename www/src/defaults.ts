/* What a submission gets that does not say: the server's settings. */

import { CHECKERS, type CheckerName } from './api';
import { useFetched } from './fetched';

export interface Defaults {
  time_ms: number | null;
  memory_bytes: number | null;
  output_bytes: number | null;
  processes: number | null;
  body_bytes: number; /* of one submission */
  checker: CheckerName;
}

/* Until the server has said. */
const BODY_BYTES = 64 * 1024 ** 2;

const UNITS: Record<string, number> = {
  ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000,
  '': 1, B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3,
};

/* "10s", "256 MiB"; null for none (0 too) and for what is not understood. */
export function parseQuantity(text: string | null | undefined): number | null {
  const [, number, unit = ''] = /^([\d.]+)\s*([A-Za-z]*)$/.exec(text ?? '') ?? [];
  const factor = UNITS[unit];
  return number && factor ? Number(number) * factor || null : null;
}

export function useDefaults(): Defaults {
  const { data } = useFetched('/system');
  const valueOf = (name: string) => data?.settings.find((s) => s.name === name)?.value;
  return {
    time_ms: parseQuantity(valueOf('RUNNER_TIME_LIMIT')),
    memory_bytes: parseQuantity(valueOf('RUNNER_MEMORY_LIMIT')),
    output_bytes: parseQuantity(valueOf('MAX_OUTPUT_BYTES')),
    body_bytes: parseQuantity(valueOf('MAX_BODY_BYTES')) ?? BODY_BYTES,
    processes: parseQuantity(valueOf('RUNNER_PIDS_LIMIT')),
    checker: CHECKERS.find((c) => c === valueOf('DEFAULT_CHECKER')) ?? 'lines',
  };
}
