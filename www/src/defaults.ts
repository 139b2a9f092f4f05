/* The limits that a submission without its own gets. */

export interface Defaults {
  time_ms: number | null;
  memory_bytes: number | null;
}

export const useDefaults = (): Defaults => ({ time_ms: null, memory_bytes: null });
