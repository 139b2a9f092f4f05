/* useFetched: what a route says, kept fresh. A failure keeps what was there and says so; it is asked
 * again by itself. */

import { useEffect, useRef, useState } from 'preact/hooks';

import type { Answer } from './api';
import { explain, get } from './http';
import { useLive } from './live';

export interface Fetched<T> {
  data: T | null;
  error: string | null;
  reload: () => void;
}

const AGAIN_MS = 3000;

/* every: milliseconds between two requests while the page is visible; 0: once, and after what may
 * have been missed. */
export function useFetched<Path extends string>(path: Path, every = 0): Fetched<Answer<Path>> {
  return useAsked<Answer<Path>>(path, (_, signal) => get(path, signal), every);
}

/* The same of what takes more than a request: `ask` gets what there is. Another `key` begins anew.
 * What is asked again soon by itself is left to come when something may have been missed. */
export function useAsked<T>(key: string, ask: (old: T | null, signal: AbortSignal) => Promise<T>, every: number): Fetched<T> {
  const [data, setData] = useState<T | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [turn, setTurn] = useState(0);
  const kept = useRef<{ key: string; data: T | null; asking: boolean }>({ key, data: null, asking: false });
  const reload = () => setTurn((n) => n + 1);

  useLive({ reset: () => (every > 0 && kept.current.asking) || reload() });
  useEffect(() => {
    const abort = new AbortController();
    let timer = 0;
    if (kept.current.key !== key) kept.current = { key, data: null, asking: false };
    const own = kept.current;
    const again = (ms: number) => {
      if (ms > 0 && !abort.signal.aborted) timer = setTimeout(turnOnce, ms);
    };
    const turnOnce = () => {
      if (document.hidden) return again(every || AGAIN_MS);
      own.asking = true;
      ask(own.data, abort.signal).then(
        (said) => {
          own.asking = false;
          own.data = said;
          setData(said);
          setError(null);
          again(every);
        },
        (e: unknown) => {
          if (abort.signal.aborted) return;
          own.asking = false;
          setError(explain(e));
          again(AGAIN_MS);
        },
      );
    };
    turnOnce();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [key, every, turn]);
  return { data, error, reload };
}
