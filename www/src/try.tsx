/* Try it: write a program and its tests, send them, and watch the tests being judged. */

import { useState } from 'preact/hooks';

import { CHECKERS, isFinal, type CheckerName, type Language } from './api';
import { Code } from './code';
import { draft, edit, sourceOf, startOver, submissionOf, type Draft, type DraftTest } from './draft';
import { EXAMPLES } from './examples';
import { useFetched } from './fetched';
import { cancel, explain, submit } from './http';
import { Judging } from './judging';
import { useJudged } from './judged';
import { submissionPath } from './router';
import { useStore } from './store';
import { Card, Notice, useTitle } from './ui';

function TestEditor({ test, number, change, remove }:
  { test: DraftTest; number: number; change: (t: DraftTest) => void; remove: () => void }) {
  return (
    <fieldset class="test-editor">
      <legend>Test {number}</legend>
      <label class="field"><span>Input</span>
        <textarea rows={3} spellcheck={false} value={test.input}
          onInput={(e) => change({ ...test, input: e.currentTarget.value })} />
      </label>
      <label class="field"><span>Expected output</span>
        <textarea rows={3} spellcheck={false} value={test.expected_output}
          onInput={(e) => change({ ...test, expected_output: e.currentTarget.value })} />
      </label>
      <button type="button" class="quiet" onClick={remove}>Remove<span class="unseen"> test {number}</span></button>
    </fieldset>
  );
}

function TestList({ tests }: { tests: DraftTest[] }) {
  const put = (i: number, t: DraftTest) => edit({ tests: tests.map((old, k) => (k === i ? t : old)) });
  return (
    <Card title="Tests" wide note={tests.length ? null : 'none: it is run once with empty input'}>
      <div class="test-editors">
        {tests.map((t, i) => (
          <TestEditor key={i} test={t} number={i + 1} change={(n) => put(i, n)}
            remove={() => edit({ tests: tests.filter((_, k) => k !== i) })} />
        ))}
      </div>
      <button type="button" onClick={() => edit({ tests: [...tests, { input: '', expected_output: '' }] })}>Add a test</button>
    </Card>
  );
}

function Options({ d, languages }: { d: Draft; languages: Language[] }) {
  const names = languages.length ? languages : Object.keys(EXAMPLES).map((name) => ({ name, title: name }));
  return (
    <div class="filters">
      <label class="field"><span>Language</span>
        <select value={d.language} onChange={(e) => edit({ language: e.currentTarget.value })}>
          {names.map((l) => <option value={l.name}>{l.title}</option>)}
        </select>
      </label>
      <label class="field"><span>Time limit, ms</span>
        <input type="number" min={0} step={100} value={d.time_ms} onInput={(e) => edit({ time_ms: e.currentTarget.value })} />
      </label>
      <label class="field"><span>Memory limit, MiB</span>
        <input type="number" min={0} step={16} value={d.memory_mib} onInput={(e) => edit({ memory_mib: e.currentTarget.value })} />
      </label>
      <label class="field"><span>Checker</span>
        <select value={d.checker} onChange={(e) => edit({ checker: e.currentTarget.value as CheckerName | '' })}>
          <option value="">The default</option>
          {CHECKERS.map((c) => <option value={c}>{c}</option>)}
        </select>
      </label>
      <label class="check"><input type="checkbox" checked={d.stop_on_failure}
        onChange={(e) => edit({ stop_on_failure: e.currentTarget.checked })} />Stop at the first failure</label>
    </div>
  );
}

function Outcome({ id }: { id: string }) {
  const judged = useJudged(id);
  const [error, setError] = useState<string | null>(null);
  const [chosen, setChosen] = useState<number | null>(null);
  return (
    <div class="outcome-of-try">
      <div class="actions">
        <a class="button" href={submissionPath(id)}>Its own page</a>
        {judged.state && !isFinal(judged.state) && (
          <button type="button" class="danger" onClick={() => {
            cancel(id).catch((e: unknown) => setError(explain(e)));
          }}>Cancel</button>
        )}
      </div>
      <Notice text={error} />
      {judged.missing ? <Notice text="It is no longer there." /> : <Judging judged={judged} chosen={chosen} choose={setChosen} />}
    </div>
  );
}

export function Try() {
  const d = useStore(draft);
  const { data } = useFetched<{ languages: Language[] }>('/languages');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);

  useTitle('Try it');
  const run = () => {
    if (busy) return;
    setBusy(true);
    setError(null);
    submit(submissionOf(draft.value))
      .then((id) => edit({ id }), (e: unknown) => setError(explain(e)))
      .finally(() => setBusy(false));
  };
  return (
    <>
      <h1>Try it</h1>
      <div class="try">
        <div class="try-write">
          <Options d={d} languages={data?.languages ?? []} />
          <Code key={`${d.language} ${d.again}`} text={sourceOf(d)} language={d.language} label="Source"
            change={(text) => edit({ sources: { ...draft.value.sources, [draft.value.language]: text } })} submit={run} />
          <div class="actions">
            <button type="button" class="primary" disabled={busy} onClick={run}>Run</button>
            <span class="keys"><kbd>Ctrl</kbd> <kbd>Enter</kbd> runs; <kbd>Esc</kbd>, then <kbd>Tab</kbd> leaves the editor</span>
            <button type="button" class="quiet" onClick={startOver}>Start over</button>
          </div>
          <Notice text={error} />
          <TestList tests={d.tests} />
        </div>
        <div class="try-read" aria-live="off">
          {d.id ? <Outcome key={d.id} id={d.id} /> : <p class="nothing">The report appears here, test by test.</p>}
        </div>
      </div>
    </>
  );
}
