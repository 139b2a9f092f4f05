/* useJudged: one submission as it goes on: what was sent, where it stands, its tests as they are
 * judged, its report. */

import { useEffect, useState } from 'preact/hooks';

import { isFinal, type EventState, type Pending, type Report, type Sent, type State, type TestEvent } from './api';
import { Refused, explain, get, idPath, result } from './http';
import { openStream } from './stream';

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

export function useJudged(id: string): Judged {
  const [judged, setJudged] = useState(nothing);

  useEffect(() => {
    const abort = new AbortController();
    const { signal } = abort;
    let stop: (() => void) | null = null;
    let timer = 0;
    const update = (part: Partial<Judged>) => {
      if (!signal.aborted) setJudged((j) => ({ ...j, ...part }));
    };

    const again = (ms: number) => {
      clearTimeout(timer);
      if (!signal.aborted) timer = setTimeout(look, ms);
    };
    const failed = (e: unknown) => {
      if (signal.aborted) return;
      const missing = e instanceof Refused && e.status === 404;
      update({ missing, error: missing ? null : explain(e) });
      if (missing) stop?.();
      else again(AGAIN_MS);
    };
    const finish = (report: Report) => {
      stop?.();
      clearTimeout(timer);
      const state = report.error === 'cancelled' ? 'cancelled' : 'done';
      update({ report, state, pending: null, error: null });
    };

    const look = () => {
      result(id, signal).then((said) => {
        if ('report' in said) return finish(said.report);
        update({ pending: said.pending, state: said.pending.state, error: null });
        listen();
        if (said.pending.state === 'queued') again(QUEUED_MS);
      }, failed);
    };
    const onEvent = (name: string, data: unknown) => {
      if (name === 'test') {
        const test = data as TestEvent;
        setJudged((j) => ({ ...j, tests: new Map(j.tests).set(test.number, test) }));
      } else if (name === 'report') {
        finish(data as Report);
      } else {
        const { state, phase, position } = data as EventState;
        update({ state, phase });
        setJudged((j) => (j.pending ? { ...j, pending: { ...j.pending, state, position } } : j));
        if (isFinal(state)) look();
      }
    };
    /* Its end is the report's; a break is looked into. */
    const listen = () => {
      stop ??= openStream(`${idPath('/submissions', id)}/events`, {
        health: (h) => {
          if (h === 'lost') again(AGAIN_MS);
        },
        event: onEvent,
        reset: look,
      });
    };

    setJudged(nothing());
    const fetchSent = () => {
      get<Sent>(idPath('/submissions', id), signal).then((sent) => update({ sent }), (e: unknown) => {
        if (!signal.aborted && !(e instanceof Refused)) setTimeout(fetchSent, AGAIN_MS);
      });
    };
    fetchSent();
    look();
    return () => {
      abort.abort();
      stop?.();
      clearTimeout(timer);
    };
  }, [id]);
  return judged;
}
