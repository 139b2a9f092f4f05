/* One stream of server-sent events that looks after itself.
 *
 *     opening --open--> live --error--> lost --open--> live
 *
 * A broken connection is the browser's to mend: it comes again with Last-Event-ID and the server
 * says what has changed since. Three things are not, and get a new stream, which knows nothing of
 * the old one, so that everything is to be fetched again (`reset`): an answer that is no stream
 * (503 while the server stops), a laptop that slept, a tab that was hidden. A hidden tab keeps no
 * stream: a browser has six connections to a server, for all its tabs.
 */

export type Health = 'opening' | 'live' | 'lost';

export interface Listener {
  health(health: Health): void;
  event(name: string, data: unknown): void;
  /* Something may have been missed: fetch anew. */
  reset(): void;
}

const NAMES = ['state', 'test', 'report'];
const RETRY_MS = [500, 1000, 2000, 5000];
const TICK_MS = 5000;
/* A timer that comes so late was not late: the machine slept. */
const SLEPT_MS = 20_000;
const HIDDEN_MS = 10_000;

/* Returns what ends it. */
export function openStream(path: string, listener: Listener): () => void {
  let source: EventSource | null = null;
  let failures = 0;
  let retry = 0;
  let hide = 0;
  let lastTick = Date.now();

  const close = () => {
    clearTimeout(retry);
    source?.close();
    source = null;
  };

  const open = () => {
    close();
    const s = new EventSource(path);
    source = s;
    s.onopen = () => {
      failures = 0;
      listener.health('live');
    };
    s.onerror = () => {
      listener.health('lost');
      if (s.readyState !== EventSource.CLOSED) return;
      retry = setTimeout(reopen, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
    };
    for (const name of NAMES) {
      s.addEventListener(name, (e) => listener.event(name, JSON.parse((e as MessageEvent<string>).data)));
    }
    s.addEventListener('reset', () => listener.reset());
  };

  const reopen = () => {
    open();
    listener.reset();
  };

  const onVisibility = () => {
    clearTimeout(hide);
    if (document.hidden) hide = setTimeout(close, HIDDEN_MS);
    else if (!source || source.readyState === EventSource.CLOSED) reopen();
    else listener.reset();
  };

  const onTick = () => {
    const late = Date.now() - lastTick - TICK_MS;
    lastTick = Date.now();
    if (late > SLEPT_MS && !document.hidden) reopen();
  };

  const onOnline = () => reopen();

  listener.health('opening');
  open();
  const tick = setInterval(onTick, TICK_MS);
  document.addEventListener('visibilitychange', onVisibility);
  window.addEventListener('online', onOnline);
  return () => {
    close();
    clearTimeout(hide);
    clearInterval(tick);
    document.removeEventListener('visibilitychange', onVisibility);
    window.removeEventListener('online', onOnline);
  };
}
