/* One submission: how it was judged, what was sent, and what can be done with it. */

import { useState } from 'preact/hooks';

import { isFinal, type Sent, type Submission as Body } from './api';
import { Code } from './code';
import { bytes, duration, fullTime } from './format';
import { cancel, explain, idPath, submit } from './http';
import { Judging } from './judging';
import { useJudged, type Judged } from './judged';
import { go, submissionPath } from './router';
import { Word, plain } from './text';
import { Card, Notice, useTitle } from './ui';

/* What was sent, without what the server added and without its id. */
function copyOf(sent: Sent): Body {
  const { id: _id, state: _state, submitted_at: _at, ...body } = sent;
  return body;
}

function Actions({ id, judged }: { id: string; judged: Judged }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const { sent, state } = judged;

  const act = (what: () => Promise<void>) => {
    setBusy(true);
    setError(null);
    what().catch((e: unknown) => setError(explain(e))).finally(() => setBusy(false));
  };
  return (
    <>
      <div class="actions">
        {judged.report && (
          <a class="button" href={idPath('/results', id)} download={`${id.replace(/[^\w.-]+/g, '_')}.json`}>Download report</a>
        )}
        <button type="button" disabled={busy || !sent} onClick={() => sent && act(async () => {
          go(submissionPath(await submit(copyOf(sent))));
        })}>Run again</button>
        {state && !isFinal(state) && (
          <button type="button" class="danger" disabled={busy} onClick={() => act(() => cancel(id))}>Cancel</button>
        )}
      </div>
      <Notice text={error} />
    </>
  );
}

function checkerText(sent: Sent): string {
  if (typeof sent.checker === 'object') return Object.entries(sent.checker).map(([k, v]) => (k === 'name' ? v : `${k} ${v}`)).join(', ');
  return sent.checker ?? 'the default';
}

function SentCard({ sent }: { sent: Sent }) {
  const { limits } = sent;
  const rows: [string, string][] = [
    ['Language', sent.language],
    ['Submitted', fullTime(sent.submitted_at)],
    ['Time limit', limits?.time_limit_ms ? duration(limits.time_limit_ms) : 'the default'],
    ['Wall time limit', limits?.wall_time_limit_ms ? duration(limits.wall_time_limit_ms) : 'derived'],
    ['Memory limit', limits?.memory_limit_bytes ? bytes(limits.memory_limit_bytes) : 'the default'],
    ['Checker', checkerText(sent)],
    ['At the first failure', sent.stop_on_failure === false ? 'goes on' : 'stops'],
    ...(sent.priority ? [['Priority', String(sent.priority)] as [string, string]] : []),
    ...(sent.owner ? [['Owner', sent.owner] as [string, string]] : []),
    ...Object.entries(sent.labels ?? {}).map(([name, value]): [string, string] => [`Label ${name}`, value]),
  ];
  return (
    <Card title="Sent" wide>
      <dl class="pairs">{rows.map(([name, value]) => <><dt>{name}</dt><dd><Word text={value} /></dd></>)}</dl>
      <h3>Source <small>{bytes(new Blob([sent.source]).size)}</small></h3>
      <Code text={sent.source} language={sent.language} label="Source" />
    </Card>
  );
}

export function Submission({ id }: { id: string }) {
  const judged = useJudged(id);
  useTitle(plain(id));

  return (
    <>
      <nav class="crumbs" aria-label="Breadcrumb"><a href="#/submissions">Submissions</a></nav>
      <h1 class="id-title"><Word text={id} /></h1>
      {judged.missing
        ? <Notice text="There is no such submission, or its texts were removed after the time they are kept." />
        : <>
            <Actions id={id} judged={judged} />
            <Judging judged={judged} />
            {judged.sent && <SentCard sent={judged.sent} />}
          </>}
    </>
  );
}
