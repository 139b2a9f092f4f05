/* What this server is, what it found on its host, and how it is set. */

import { useState } from 'preact/hooks';

import type { Finding, Language, Server, Setting, System as Said } from './api';
import { useFetched } from './fetched';
import { bytes, count, duration, fullTime, time } from './format';
import { Word } from './text';
import { Card, Notice, useTitle } from './ui';

const TONE = { ok: 'ok', warn: 'slow', bad: 'bad', pending: 'none', failed: 'bad' };

const Mark = ({ state }: { state: keyof typeof TONE }) => <span class={`badge tone-${TONE[state]}`}>{state}</span>;

/* What is wrong comes first. */
const URGENCY = { bad: 0, warn: 1, ok: 2 };

function Findings({ findings }: { findings: Finding[] }) {
  return (
    <div class="scroll-x" tabIndex={0} role="region" aria-label="Findings">
      <table class="plain">
        <thead><tr><th scope="col">Finding</th><th scope="col">State</th><th scope="col">What was found</th><th scope="col">How to mend it</th></tr></thead>
        <tbody>
          {[...findings].sort((a, b) => URGENCY[a.state] - URGENCY[b.state]).map((f) => (
            <tr>
              <th scope="row"><Word text={f.name} /></th>
              <td><Mark state={f.state} /></td>
              <td><Word text={f.says} />{f.means && <small class="under"><Word text={f.means} /></small>}</td>
              <td><Word text={f.mend} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Languages({ languages }: { languages: Language[] }) {
  return (
    <div class="scroll-x" tabIndex={0} role="region" aria-label="Languages">
      <table class="plain">
        <thead><tr><th scope="col">Language</th><th scope="col">Self-test</th><th scope="col">Version</th><th scope="col">Images</th></tr></thead>
        <tbody>
          {languages.map((l) => (
            <tr>
              <th scope="row">{l.title}<small class="under"><code>{l.name}</code></small></th>
              <td><Mark state={l.state} />{l.error && <small class="under"><Word text={l.error} /></small>}</td>
              <td><Word text={l.version} />{l.accelerator && <small class="under"><Word text={l.accelerator} /></small>}</td>
              <td><code><Word text={l.run_image} /></code>
                {l.image && l.image !== l.run_image && <small class="under">built in <code><Word text={l.image} /></code></small>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Settings({ settings }: { settings: Setting[] }) {
  const [all, setAll] = useState(false);
  const shown = settings.filter((s) => all || s.is_set);
  return (
    <>
      <label class="check"><input type="checkbox" checked={all} onChange={(e) => setAll(e.currentTarget.checked)} />
        Also those left at their default ({count(settings.filter((s) => !s.is_set).length)})</label>
      <div class="scroll-x" tabIndex={0} role="region" aria-label="Settings">
        <table class="plain">
          <thead><tr><th scope="col">Setting</th><th scope="col">In force</th><th scope="col">Default</th><th scope="col">What it does</th></tr></thead>
          <tbody>
            {shown.map((s) => (
              <tr>
                <th scope="row"><code>{s.name}</code></th>
                <td><code>{s.value == null ? '–' : <Word text={s.value} />}</code></td>
                <td><code>{s.default == null ? '–' : <Word text={s.default} />}</code></td>
                <td>{s.help}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Servers({ servers }: { servers: Server[] }) {
  return (
    <div class="scroll-x" tabIndex={0} role="region" aria-label="Servers">
      <table class="plain">
        <thead><tr><th scope="col">Host</th><th scope="col">State</th><th scope="col">Judges at once</th><th scope="col">Has taken</th><th scope="col">Last seen</th><th scope="col">Version</th></tr></thead>
        <tbody>
          {servers.map((s) => (
            <tr>
              <th scope="row"><Word text={s.host} /><small class="under"><code>{s.instance}</code></small></th>
              <td><span class={`badge tone-${s.over ? 'none' : 'ok'}`}>{s.over ? 'over' : s.own ? 'this one' : 'at work'}</span></td>
              <td>{count(s.slots)}</td>
              <td>{count(s.claims)}</td>
              <td>{s.own && !s.over ? 'now' : `${duration(Math.max(s.seen_ms, 0))} ago`}</td>
              <td><Word text={s.version} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Build({ said }: { said: Said }) {
  const { server: v, process: p } = said;
  const rows: [string, string][] = [
    ['Version', v.version + (v.commit ? ` (${v.commit})` : '')],
    ['Compiler', v.compiler],
    ['Libraries', Object.entries(v.libraries).map(([name, version]) => `${name} ${version}`).join(', ')],
    ['Started', `${fullTime(v.started_at)}, ${duration(v.uptime_ms)} ago`],
    ['Job table', v.table],
    ['Instance', v.instance],
    ['Process', `pid ${p.pid}, ${count(p.threads)} threads, ${count(p.open_fds)} of ${count(p.max_fds)} files open`],
    ['Memory', bytes(p.rss_bytes)],
    ['CPU time', duration(p.cpu_ms)],
  ];
  const licences = document.querySelector<HTMLLinkElement>('link[rel=license]')?.href ?? '';
  return (
    <dl class="pairs">
      {rows.map(([name, value]) => <><dt>{name}</dt><dd><Word text={value} /></dd></>)}
      <dt>This page</dt><dd>is made with other people's work: <a href={licences}>licences</a></dd>
    </dl>
  );
}

export function System() {
  const { data, error } = useFetched('/system', 10_000);

  useTitle('System');
  return (
    <>
      <h1>System</h1>
      <Notice text={error} />
      {data && (
        <>
          <Card title="Findings on this host" note={`as of ${time(data.findings_at)}`}><Findings findings={data.findings} /></Card>
          <Card title="Languages"><Languages languages={data.languages} /></Card>
          <Card title="Settings"><Settings settings={data.settings} /></Card>
          {data.servers.length > 1 && <Card title="Servers"><Servers servers={data.servers} /></Card>}
          <Card title="Server"><Build said={data} /></Card>
        </>
      )}
    </>
  );
}
