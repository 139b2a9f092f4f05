/* Try it: write a program and its tests, send them, and watch the tests being judged. */

import { useEffect, useRef, useState } from 'preact/hooks';

import { CHECKERS, isFinal, type CheckerName, type Language } from './api';
import { Code } from './code';
import { Copy } from './copy';
import { curlOf } from './curl';
import { useDefaults } from './defaults';
import { draft, draftTest, edit, nameSource, replaceSource, sourceOf, startOver, submissionOf, type Draft, type DraftTest }
  from './draft';
import { EXAMPLES } from './examples';
import { useFetched } from './fetched';
import { plural } from './format';
import { cancel, explain, submit } from './http';
import { Judging } from './judging';
import { useJudged, useMarks } from './judged';
import type { Mark } from './marks';
import { submissionPath } from './router';
import { useStore } from './store';
import { testsOf } from './upload';
import { Card, Notice, useTitle } from './ui';

/* Looks as the other buttons do. */
function File({ title, accept, many = false, take }:
  { title: string; accept?: string; many?: boolean; take: (files: File[]) => void }) {
  return (
    <label class="button file">
      {title}
      <input class="unseen" type="file" accept={accept} multiple={many} onChange={(e) => {
        take([...(e.currentTarget.files ?? [])]);
        e.currentTarget.value = ''; /* the same file may be taken again */
      }} />
    </label>
  );
}

function TestEditor({ test, number, onlyInput, change, remove }:
  { test: DraftTest; number: number; onlyInput: boolean; change: (t: DraftTest) => void; remove: () => void }) {
  return (
    <fieldset class={onlyInput ? 'test-editor test-editor-input' : 'test-editor'}>
      <legend>Test {number}</legend>
      {test.raw && <p class="text-note">It is not UTF-8, and is sent as it is.</p>}
      <label class="field"><span>Input</span>
        <textarea rows={3} spellcheck={false} disabled={!!test.raw} value={test.input}
          onInput={(e) => change({ ...test, input: e.currentTarget.value })} />
      </label>
      {!onlyInput && (
        <label class="field"><span>Expected output</span>
          <textarea rows={3} spellcheck={false} disabled={!!test.raw} value={test.expected_output}
            onInput={(e) => change({ ...test, expected_output: e.currentTarget.value })} />
        </label>
      )}
      <button type="button" class="quiet" onClick={remove}>Remove<span class="unseen"> test {number}</span></button>
    </fieldset>
  );
}

/* So many are there to be edited; the others are sent as they are. */
const EDITED = 20;

/* What is said of the last files, as they were read or not. */
interface Said {
  text: string;
  tone: 'slow' | 'bad';
}

function Upload({ said }: { said: (s: Said) => void }) {
  const { body_bytes } = useDefaults();
  const take = (files: File[]) => testsOf(files, body_bytes).then((tests) => {
    edit({ tests: tests.map(draftTest) });
    said({ text: `${plural(tests.length, 'test')} read`, tone: 'slow' });
  }, (e: unknown) => said({ text: explain(e), tone: 'bad' }));
  return <File title="Tests from files" accept=".in,.ans,.out,.zip" many take={(files) => void take(files)} />;
}

function TestList({ tests, onlyInput }: { tests: DraftTest[]; onlyInput: boolean }) {
  const [said, setSaid] = useState<Said | null>(null);
  const put = (i: number, t: DraftTest) => edit({ tests: tests.map((old, k) => (k === i ? t : old)) });
  return (
    <Card title={onlyInput ? 'Inputs' : 'Tests'} wide note={tests.length ? null : 'none: it is run once with empty input'}>
      <label class="check"><input type="checkbox" checked={onlyInput}
        onChange={(e) => edit({ only_input: e.currentTarget.checked })} />Input only: nothing is expected</label>
      <div class="test-editors">
        {tests.slice(0, EDITED).map((t, i) => (
          <TestEditor key={i} test={t} number={i + 1} onlyInput={onlyInput} change={(n) => put(i, n)}
            remove={() => edit({ tests: tests.filter((_, k) => k !== i) })} />
        ))}
      </div>
      {tests.length > EDITED && <p class="nothing">and {plural(tests.length - EDITED, 'more test')}</p>}
      <div class="actions">
        <button type="button" disabled={tests.length >= EDITED}
          onClick={() => edit({ tests: [...tests, { input: '', expected_output: '' }] })}>Add a test</button>
        <Upload said={setSaid} />
        {tests.length > 0 && <button type="button" class="quiet" onClick={() => edit({ tests: [] })}>Remove all</button>}
      </div>
      {said && <Notice {...said} />}
      <p class="text-note">Files come in pairs: NAME.in with NAME.ans or NAME.out, or a zip of them.</p>
    </Card>
  );
}

function CheckerFields({ d, usual }: { d: Draft; usual: CheckerName }) {
  return (
    <>
      <label class="field"><span>Checker</span>
        <select value={d.checker} onChange={(e) => edit({ checker: e.currentTarget.value as CheckerName | '' })}>
          <option value="">{usual} (the default)</option>
          {CHECKERS.map((c) => <option value={c}>{c}</option>)}
        </select>
      </label>
      {d.checker === 'float' && (
        <>
          <label class="field"><span>Absolute tolerance</span>
            <input type="number" min={0} step="any" value={d.absolute} onInput={(e) => edit({ absolute: e.currentTarget.value })} />
          </label>
          <label class="field"><span>Relative tolerance</span>
            <input type="number" min={0} step="any" value={d.relative} onInput={(e) => edit({ relative: e.currentTarget.value })} />
          </label>
        </>
      )}
      {d.checker && d.checker !== 'none' && (
        <label class="check"><input type="checkbox" checked={d.folds}
          onChange={(e) => edit({ folds: e.currentTarget.checked })} />Case of letters does not count</label>
      )}
    </>
  );
}

function Options({ d, languages }: { d: Draft; languages: Language[] }) {
  const defaults = useDefaults();
  const names = languages.length ? languages : Object.keys(EXAMPLES).map((name) => ({ name, title: name }));
  return (
    <div class="filters">
      <label class="field"><span>Language</span>
        <select value={d.language} onChange={(e) => edit({ language: e.currentTarget.value })}>
          {names.map((l) => <option value={l.name}>{l.title}</option>)}
        </select>
      </label>
      <label class="field"><span>Time limit, ms</span>
        <input type="number" min={0} step={100} placeholder={defaults.time_ms ? String(defaults.time_ms) : ''} value={d.time_ms} onInput={(e) => edit({ time_ms: e.currentTarget.value })} />
      </label>
      <label class="field"><span>Wall limit, ms</span>
        <input type="number" min={0} step={100} placeholder="follows" value={d.wall_ms} onInput={(e) => edit({ wall_ms: e.currentTarget.value })} />
      </label>
      <label class="field"><span>Memory limit, MiB</span>
        <input type="number" min={0} step={16} placeholder={defaults.memory_bytes ? String(defaults.memory_bytes / 1024 / 1024) : ''} value={d.memory_mib} onInput={(e) => edit({ memory_mib: e.currentTarget.value })} />
      </label>
      {!d.only_input && <CheckerFields d={d} usual={defaults.checker} />}
      <label class="check"><input type="checkbox" checked={d.stop_on_failure}
        onChange={(e) => edit({ stop_on_failure: e.currentTarget.checked })} />Stop at the first failure</label>
    </div>
  );
}

const NO_MARKS: Mark[] = [];

/* The marks of a source that is still what is written in the editor of that key. */
interface Marked {
  key: string;
  marks: Mark[];
}

const editorKey = (d: Draft): string => `${d.language} ${d.again}`;

function Outcome({ id, mark }: { id: string; mark: (marked: Marked) => void }) {
  const judged = useJudged(id);
  const marks = useMarks(judged);
  const { sent } = judged;
  const [error, setError] = useState<string | null>(null);
  const [chosen, setChosen] = useState<number | null>(null);
  useEffect(() => {
    const d = draft.value;
    const same = sent?.language === d.language && sent.source === sourceOf(d);
    mark({ key: editorKey(d), marks: same ? marks : [] });
  }, [marks, sent]);
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
      {judged.missing ? <Notice text="It is no longer there." /> : <Judging judged={judged} chosen={chosen} choose={setChosen} marks={marks} />}
    </div>
  );
}

export function Try() {
  const d = useStore(draft);
  const { data } = useFetched('/languages');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);

  const language = data?.languages.find((l) => l.name === d.language);
  const read = useRef<HTMLDivElement>(null);
  const [marked, setMarked] = useState<Marked>({ key: '', marks: [] });

  useTitle('Try it');
  useEffect(() => {
    if (language && language.source_name !== d.source_name) nameSource(language.source_name);
  }, [language?.source_name, d.source_name]);
  /* Where the report is below what one sees, what Run does would not be seen. */
  const show = () => {
    const r = read.current;
    if (r && r.getBoundingClientRect().top > window.innerHeight / 2) r.scrollIntoView({ block: 'start' });
  };
  const run = () => {
    if (busy) return;
    setBusy(true);
    setError(null);
    submit(submissionOf(draft.value))
      .then((id) => {
        edit({ id });
        show();
      }, (e: unknown) => setError(explain(e)))
      .finally(() => setBusy(false));
  };
  return (
    <>
      <h1>Try it</h1>
      <div class="try">
        <div class="try-write">
          <Options d={d} languages={data?.languages ?? []} />
          <Code key={editorKey(d)} marks={marked.key === editorKey(d) ? marked.marks : NO_MARKS} text={sourceOf(d)} language={d.language} sourceName={language?.source_name} label="Source"
            change={(text) => edit({ sources: { ...draft.value.sources, [draft.value.language]: text } })} submit={run} />
          <div class="actions">
            <button type="button" class="primary" disabled={busy} onClick={run}>Run</button>
            <span class="keys"><kbd>Ctrl</kbd> <kbd>Enter</kbd> runs; <kbd>Esc</kbd>, then <kbd>Tab</kbd> leaves the editor</span>
            <File title="Open a file" take={([file]) => void file?.text().then(replaceSource)} />
            <Copy text={() => curlOf(submissionOf(draft.value))} title="Copy as curl" of="" />
            <button type="button" class="quiet" onClick={startOver}>Start over</button>
          </div>
          <Notice text={error} />
          <TestList tests={d.tests} onlyInput={d.only_input} />
        </div>
        <div class="try-read" ref={read}>
          {d.id ? <Outcome key={d.id} id={d.id} mark={setMarked} /> : <p class="nothing">The report appears here, test by test.</p>}
        </div>
      </div>
    </>
  );
}
