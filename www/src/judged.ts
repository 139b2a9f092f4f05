/* useJudged: one submission as it goes on: what was sent, where it stands, its tests as they are
 * judged, its report.
 *
 *     looking --not final--> listening --report--> final
 *        ^---- a break, a reset ----'
 */

import { useEffect, useMemo, useState } from 'preact/hooks';

import { isFinal, type EventState, type Pending, type Report, type Sent, type State, type TestEvent } from './api';
import { Refused, explain, get, idPath, result } from './http';
import { marksOf, type Mark } from './marks';
import { Stream } from './stream';

export interface Judged {
  sent: Sent | null;
  state: State | null;
  pending: Pending | null; /* while it is not final */
  phase: EventState['phase'];
  tests: Map<number, TestEvent>; /* judged so far, until the report has them */
  report: Report | null;
  error: string | null;
  missing: boolean; /* there is no such submission, or no longer */
}

const nothing = (): Judged => ({
  sent: null, state: null, pending: null, phase: null, tests: new Map(), report: null, error: null, missing: false,
});

const AGAIN_MS = 2000;
/* Its place in the queue changes without an event of its own. */
const QUEUED_MS = 2000;

class Watch {
  private judged = nothing();
  private readonly abort = new AbortController();
  private stream: Stream | null = null;
  private timer = 0;

  constructor(private readonly id: string, private readonly show: (judged: Judged) => void) {
    show(this.judged);
    this.fetchSent();
    this.look();
  }

  end(): void {
    this.abort.abort();
    this.rest();
  }

  private rest(): void {
    this.stream?.end();
    this.stream = null;
    clearTimeout(this.timer);
  }

  private update(part: Partial<Judged>): void {
    if (this.abort.signal.aborted) return;
    this.judged = { ...this.judged, ...part };
    this.show(this.judged);
  }

  private again(ms: number): void {
    clearTimeout(this.timer);
    if (!this.abort.signal.aborted) this.timer = setTimeout(this.look, ms);
  }

  private fetchSent(): void {
    get(idPath('/submissions', this.id), this.abort.signal).then(
      (sent) => this.update({ sent }),
      (e: unknown) => {
        if (!this.abort.signal.aborted && !(e instanceof Refused)) setTimeout(() => this.fetchSent(), AGAIN_MS);
      },
    );
  }

  private readonly look = (): void => {
    result(this.id, this.abort.signal).then((said) => {
      if ('report' in said) return this.finish(said.report);
      const { pending } = said;
      this.update({ pending, state: pending.state, error: null });
      this.listen();
      if (pending.state === 'queued') this.again(QUEUED_MS);
    }, (e: unknown) => this.failed(e));
  };

  private failed(e: unknown): void {
    if (this.abort.signal.aborted) return;
    const missing = e instanceof Refused && e.status === 404;
    this.update({ missing, error: missing ? null : explain(e) });
    if (missing) this.rest();
    else this.again(AGAIN_MS);
  }

  private finish(report: Report): void {
    this.rest();
    this.update({ report, state: report.error === 'cancelled' ? 'cancelled' : 'done', pending: null, error: null });
  }

  /* The stream ends with the report; a break is looked into. */
  private listen(): void {
    if (this.abort.signal.aborted) return;
    this.stream ??= new Stream(`${idPath('/submissions', this.id)}/events`, {
      health: (h) => {
        if (h === 'lost') this.again(AGAIN_MS);
      },
      event: (name, data) => this.onEvent(name, data),
      reset: this.look,
    });
  }

  private onEvent(name: string, data: unknown): void {
    if (name === 'report') return this.finish(data as Report);
    if (name === 'test') {
      const test = data as TestEvent;
      return this.update({ tests: new Map(this.judged.tests).set(test.number, test) });
    }
    const { state, phase, position } = data as EventState;
    const { pending } = this.judged;
    this.update({ state, phase, pending: pending && { ...pending, state, position } });
    if (isFinal(state)) this.look();
  }
}

export function useJudged(id: string): Judged {
  const [judged, setJudged] = useState(nothing);

  useEffect(() => {
    const watch = new Watch(id, setJudged);
    return () => watch.end();
  }, [id]);
  return judged;
}

const NO_MARKS: Mark[] = [];

/* What its build log says of the source that was sent. */
export function useMarks({ report, sent }: Judged): Mark[] {
  return useMemo(() => (report?.build_log && sent ? marksOf(report.build_log, sent.source) : NO_MARKS), [report, sent]);
}
