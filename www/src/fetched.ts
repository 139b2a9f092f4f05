/* useFetched: what a route says, kept fresh. A failure keeps what was there and says so; it is asked
 * again by itself. */

import { useEffect, useState } from 'preact/hooks';

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
export function useFetched<T>(path: string, every = 0, also: number[] = []): Fetched<T> {
  const [data, setData] = useState<T | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [turn, setTurn] = useState(0);
  const reload = () => setTurn((n) => n + 1);

  useLive({ reset: reload });
  useEffect(() => {
    const abort = new AbortController();
    let timer = 0;
    const again = (ms: number) => {
      if (ms > 0 && !abort.signal.aborted) timer = setTimeout(ask, ms);
    };
    const ask = () => {
      if (document.hidden) return again(every || AGAIN_MS);
      get<T>(path, abort.signal, also).then(
        (said) => {
          setData(said);
          setError(null);
          again(every);
        },
        (e: unknown) => {
          if (abort.signal.aborted) return;
          setError(explain(e));
          again(AGAIN_MS);
        },
      );
    };
    ask();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [path, every, turn]);
  return { data, error, reload };
}
