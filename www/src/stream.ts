/* One stream of server-sent events that looks after itself.
 *
 *     opening --open--> live --error--> lost --open--> live
 *
 * A broken connection is the browser's to mend: it comes again with Last-Event-ID and the server
 * says what has changed since. Three things are not, and get a new stream: an answer that is no
 * stream (503 while the server stops), a laptop that slept, a tab that was hidden. A hidden tab keeps
 * no stream: a browser has six connections to a server, for all its tabs.
 *
 * A new stream, the first one too, knows nothing of what was before it. So once it is open everything
 * is to be fetched again (`reset`), not earlier: what happens between an answer and the stream's
 * beginning would be told by neither.
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

export class Stream {
  private source: EventSource | null = null;
  private failures = 0;
  private retry = 0;
  private hide = 0;
  private lastTick = Date.now();
  private readonly tick: number;

  constructor(private readonly path: string, private readonly listener: Listener) {
    listener.health('opening');
    this.open();
    this.tick = setInterval(this.onTick, TICK_MS);
    document.addEventListener('visibilitychange', this.onVisibility);
    window.addEventListener('online', this.open);
  }

  end(): void {
    this.close();
    clearTimeout(this.hide);
    clearInterval(this.tick);
    document.removeEventListener('visibilitychange', this.onVisibility);
    window.removeEventListener('online', this.open);
  }

  private readonly close = (): void => {
    clearTimeout(this.retry);
    this.source?.close();
    this.source = null;
  };

  private readonly open = (): void => {
    this.close();
    const s = new EventSource(this.path);
    let fresh = true;
    this.source = s;
    s.onopen = () => {
      this.failures = 0;
      this.listener.health('live');
      if (fresh) this.listener.reset();
      fresh = false;
    };
    s.onerror = () => this.onError(s);
    for (const name of NAMES) {
      s.addEventListener(name, (e) => this.listener.event(name, JSON.parse((e as MessageEvent<string>).data)));
    }
    s.addEventListener('reset', () => this.listener.reset());
  };

  private onError(s: EventSource): void {
    this.listener.health('lost');
    if (s.readyState !== EventSource.CLOSED) return; /* the browser tries again */
    const wait = RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)];
    this.retry = setTimeout(this.open, wait);
  }

  private readonly onVisibility = (): void => {
    clearTimeout(this.hide);
    if (document.hidden) this.hide = setTimeout(this.close, HIDDEN_MS);
    else if (!this.source || this.source.readyState === EventSource.CLOSED) this.open();
    else this.listener.reset();
  };

  private readonly onTick = (): void => {
    const late = Date.now() - this.lastTick - TICK_MS;
    this.lastTick = Date.now();
    if (late > SLEPT_MS && !document.hidden) this.open();
  };
}
