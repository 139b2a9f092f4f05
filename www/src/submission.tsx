/* One submission: how it was judged, what was sent, and what can be done with it. */

import { useState } from 'preact/hooks';

import { isFinal, type Report, type Sent, type Submission as Body } from './api';
import { Code } from './code';
import { Copy } from './copy';
import { useDefaults, type Defaults } from './defaults';
import { curlOf } from './curl';
import { take } from './draft';
import { useFetched } from './fetched';
import { bytes, duration, fullTime } from './format';
import { cancel, explain, idPath, submit } from './http';
import { Judging } from './judging';
import { useJudged, useMarks, type Judged } from './judged';
import { limitsOf, type LimitsInForce } from './limits';
import type { Mark } from './marks';
import { changeQuery, go, submissionPath, useRoute } from './router';
import { leftQuery } from './rows';
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
        <button type="button" disabled={!sent} onClick={() => {
          if (!sent) return;
          take(sent);
          go('#/try');
        }}>Open in the editor</button>
        {sent && <Copy text={() => curlOf(copyOf(sent))} title="Copy as curl" of="" />}
        {state && !isFinal(state) && (
          <button type="button" class="danger" disabled={busy} onClick={() => act(() => cancel(id))}>Cancel</button>
        )}
      </div>
      <Notice text={error} />
    </>
  );
}

const BY_DEFAULT = ' (the default)';

function checkerText(sent: Sent, defaults: Defaults): string {
  if (typeof sent.checker === 'object') return Object.entries(sent.checker).map(([k, v]) => (k === 'name' ? v : `${k} ${v}`)).join(', ');
  return sent.checker ?? `${defaults.checker}${BY_DEFAULT}`;
}

function limitRows({ limits: l }: Sent, inForce: LimitsInForce): [string, string][] {
  return [
    ['Time limit', `${duration(inForce.time_ms)}${l?.time_limit_ms ? '' : BY_DEFAULT}`],
    ['Wall time limit', inForce.wall_ms ? duration(inForce.wall_ms)
      : `${duration(inForce.time_ms)} + 100 ms + what it waits for the processor${BY_DEFAULT}`],
    ['Memory limit', `${bytes(inForce.memory_bytes)}${l?.memory_limit_bytes ? '' : BY_DEFAULT}`],
  ];
}

function SentCard({ sent, report, marks }: { sent: Sent; report: Report | null; marks: Mark[] }) {
  const defaults = useDefaults();
  const { data } = useFetched('/languages');
  const language = data?.languages.find((l) => l.name === sent.language);
  const rows: [string, string][] = [
    ['Language', sent.language],
    ['Submitted', fullTime(sent.submitted_at)],
    ...limitRows(sent, limitsOf(sent, report, defaults)),
    ['Checker', checkerText(sent, defaults)],
    ['At the first failure', sent.stop_on_failure === false ? 'goes on' : 'stops'],
    ...(sent.priority ? [['Priority', String(sent.priority)] as [string, string]] : []),
    ...(sent.owner ? [['Owner', sent.owner] as [string, string]] : []),
    ...Object.entries(sent.labels ?? {}).map(([name, value]): [string, string] => [`Label ${name}`, value]),
  ];
  return (
    <Card title="Sent" wide>
      <dl class="pairs">{rows.map(([name, value]) => <><dt>{name}</dt><dd><Word text={value} /></dd></>)}</dl>
      <div class="pane-head"><h3>Source <small>{bytes(new Blob([sent.source]).size)}</small></h3><Copy text={() => sent.source} of="the source" /></div>
      <Code text={sent.source} language={sent.language} sourceName={language?.source_name} label="Source" marks={marks} />
    </Card>
  );
}

/* ?test=78 is the test that is to be seen. */
const chosenOf = (query: URLSearchParams): number | null => Number(query.get('test')) || null;

export function Submission({ id }: { id: string }) {
  const judged = useJudged(id);
  const { query } = useRoute();
  const marks = useMarks(judged);
  useTitle(plain(id));

  return (
    <>
      <nav class="crumbs" aria-label="Breadcrumb"><a href={`#/submissions${leftQuery() && `?${leftQuery()}`}`}>Submissions</a></nav>
      <h1 class="id-title"><Word text={id} /></h1>
      {judged.missing
        ? <Notice text="There is no such submission, or its texts were removed after the time they are kept." />
        : <>
            <Actions id={id} judged={judged} />
            <Judging judged={judged} chosen={chosenOf(query)} choose={(n) => changeQuery(query, 'test', String(n))} marks={marks} />
            {judged.sent && <SentCard sent={judged.sent} report={judged.report} marks={marks} />}
          </>}
    </>
  );
}
