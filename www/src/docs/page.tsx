/* The page of the API, made from openapi.yaml when the server is built (build.mjs): HTML that needs no script. */

import { marked } from 'marked';
import type { ComponentChildren, JSX } from 'preact';
import { renderToStaticMarkup } from 'preact-render-to-string';
import { parse } from 'yaml';

import { PAGES } from '../pages';
import { boundsOf, curlOf, operations, refName, resolve, unitOf } from './spec';
import type { Content, Document, Operation, Parameter, Response, Schema } from './spec';

/* The names of the files that the page loads. */
export interface Files { css: string; docsCss: string; docsJs: string; icon: string }

let root: Document;

/* ---- texts ---- */

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
marked.use({ renderer: { html: ({ text }) => escaped(text) } });

function Prose({ text }: { text: string | undefined }) {
  if (!text) return null;
  return <div class="prose" dangerouslySetInnerHTML={{ __html: marked.parse(text, { async: false }).trim() }} />;
}

function Code({ text, of }: { text: string; of: string }) {
  return <pre class="command" data-copy={of} tabIndex={0} role="region" aria-label={of}><code>{text}</code></pre>;
}

/* ---- schemas ---- */

const SchemaLink = ({ name }: { name: string }) => <a href={`#schema-${name}`}>{name}</a>;

const joined = (parts: JSX.Element[]) => parts.map((part, i) => <>{i ? ' or ' : ''}{part}</>);

/* "integer or null", "array of Test". */
function Type({ schema: s }: { schema: Schema }): JSX.Element {
  if (s.$ref) return <SchemaLink name={refName(s.$ref)} />;
  const choices = s.oneOf ?? s.anyOf;
  if (choices) return <>{joined(choices.map((c) => <Type schema={c} />))}</>;
  if (s.const !== undefined) return <code>{JSON.stringify(s.const)}</code>;
  const types = Array.isArray(s.type) ? s.type : s.type ? [s.type] : s.enum ? ['string'] : ['any'];
  return <>{joined(types.map((t) => {
    if (t === 'array' && s.items) return <>array of <Type schema={s.items} /></>;
    if (t === 'object' && typeof s.additionalProperties === 'object') return <>object of <Type schema={s.additionalProperties} /></>;
    return <>{t}</>;
  }))}</>;
}

/* The object whose fields are told below a field of this type; undefined: it has a section of its own, or none. */
function inner(s: Schema): Schema | undefined {
  if (s.$ref) return undefined;
  const choice = (s.oneOf ?? s.anyOf)?.map(inner).find(Boolean);
  if (choice) return choice;
  if (s.properties) return s;
  if (s.items) return inner(s.items);
  return typeof s.additionalProperties === 'object' ? inner(s.additionalProperties) : undefined;
}

function Values({ schema }: { schema: Schema }) {
  const s = schema.items && !schema.items.$ref ? schema.items : schema;
  if (!s.enum) return null;
  return <p class="values">One of {s.enum.map((v, i) => <>{i ? ' ' : ''}<code>{JSON.stringify(v)}</code></>)}</p>;
}

/* A name with what it may be: a field, a parameter, a header. */
function Entry({ name, schema, place, required, description, id }: {
  name: string; schema: Schema; place?: string; required?: boolean; description?: string | undefined; id?: string | undefined;
}) {
  const whole = resolve(root, schema);
  const below = inner(schema);
  const facts = [
    ...(place ? [<>{place}</>] : []),
    <Type schema={schema} />,
    ...(unitOf(name) ? [<>{unitOf(name)}</>] : []),
    ...boundsOf(whole).map((text) => <>{text}</>),
    ...(whole.default === undefined ? [] : [<>default <code>{String(whole.default)}</code></>]),
    ...(required ? [<b>required</b>] : []),
  ];
  return (
    <li id={id}>
      <code class="name">{name}</code> <span class="facts">{facts.map((fact, i) => <>{i ? ', ' : ''}{fact}</>)}</span>
      <Prose text={description ?? schema.description ?? (schema.$ref && !place ? undefined : whole.description)} />
      <Values schema={schema} />
      {below && <Fields schema={below} />}
    </li>
  );
}

function Fields({ schema, of }: { schema: Schema; of?: string }) {
  return (
    <ul class="fields">
      {Object.entries(schema.properties ?? {}).map(([name, s]) => (
        <Entry name={name} schema={s} required={schema.required?.includes(name) ?? false} id={of && `${of}.${name}`} />
      ))}
    </ul>
  );
}

function SchemaSection({ name, schema, users }: { name: string; schema: Schema; users: Operation[] }) {
  const below = inner(schema);
  const bounds = boundsOf(schema);
  return (
    <section class="schema" id={`schema-${name}`}>
      <Heading level={3} to={`schema-${name}`}>{name}</Heading>
      <p class="facts"><Type schema={schema} />{bounds.map((text) => `, ${text}`)}</p>
      <Prose text={schema.description} />
      <Values schema={schema} />
      {below && <Fields schema={below} of={name} />}
      {schema.examples?.map((e) => <Code text={JSON.stringify(e, null, 2)} of={`Example of ${name}`} />)}
      {users.length > 0 && (
        <p class="facts">In {users.map((op, i) => <>{i ? ', ' : ''}<a href={`#${op.operationId}`}>{op.method} {op.path}</a></>)}</p>
      )}
    </section>
  );
}

/* ---- operations ---- */

function Heading({ level, to, children }: { level: 2 | 3; to: string; children: ComponentChildren }) {
  const Tag = `h${level}` as const;
  return <Tag><a href={`#${to}`}>{children}</a></Tag>;
}

function Parameters({ list }: { list: Parameter[] }) {
  if (!list.length) return null;
  return (
    <>
      <h4>Parameters</h4>
      <ul class="fields">
        {list.map((p) => <Entry name={p.name} place={p.in} schema={p.schema} required={p.required ?? false} description={p.description} />)}
      </ul>
    </>
  );
}

const asText = (value: unknown): string => (typeof value === 'string' ? value.trim() : JSON.stringify(value, null, 2));

function Media({ type, content, of }: { type: string; content: Content; of: string }) {
  if (!content.schema) return <p class="facts"><code>{type}</code></p>;
  const schema = content.schema.contentSchema ?? content.schema;
  const below = inner(schema);
  return (
    <>
      <p class="facts"><code>{type}</code>: {content.schema.contentSchema && 'events with '}<Type schema={schema} /></p>
      {below && <Fields schema={below} />}
      {Object.values(content.examples ?? {}).map((e) => (
        <details><summary>{e.summary}</summary><Code text={asText(e.value)} of={`${of}: ${e.summary}`} /></details>
      ))}
    </>
  );
}

function Answer({ status, response, of }: { status: string; response: Response; of: string }) {
  const headers = Object.entries(response.headers ?? {}).map(([name, h]) => [name, resolve(root, h)] as const);
  return (
    <li>
      <code class={`status status-${status[0]}`}>{status}</code>
      <Prose text={response.description} />
      {headers.length > 0 && (
        <ul class="fields">{headers.map(([name, h]) => <Entry name={name} place="header" schema={h.schema} description={h.description ?? ''} />)}</ul>
      )}
      {Object.entries(response.content ?? {}).map(([type, content]) => <Media type={type} content={content} of={`${of}, ${status}`} />)}
    </li>
  );
}

function OperationSection({ op }: { op: Operation }) {
  const body = op.requestBody;
  const title = `${op.method} ${op.path}`;
  const sent = Object.values(body?.content ?? {}).flatMap((c) => Object.values(c.examples ?? {}));
  return (
    <section class="card operation" id={op.operationId}>
      <Heading level={3} to={op.operationId}><code><b>{op.method}</b> {op.path}</code></Heading>
      <p class="summary">{op.summary}</p>
      <Prose text={op.description} />
      {sent.length > 0
        ? sent.map((e) => <><h4>{e.summary}</h4><Code text={curlOf(root, op, e.value)} of={`${title}: ${e.summary}`} /></>)
        : <Code text={curlOf(root, op)} of={`${title} with curl`} />}
      <Parameters list={op.parameters} />
      {body && (
        <>
          <h4>Body</h4>
          <Prose text={body.description} />
          {Object.entries(body.content).map(([type, content]) => (
            <>
              <p class="facts"><code>{type}</code>: <Type schema={content.schema ?? {}} /></p>
              <Fields schema={resolve(root, content.schema ?? {})} />
            </>
          ))}
        </>
      )}
      <h4>Answers</h4>
      <ul class="answers">{op.responses.map(([status, r]) => <Answer status={status} response={r} of={title} />)}</ul>
    </section>
  );
}

/* ---- the whole ---- */

const TAGS: Record<string, string> = { judging: 'Judging', server: 'The server', page: 'The pages' };
const titleOf = (tag: string): string => TAGS[tag] ?? tag;

function Contents({ byTag, names }: { byTag: [string, Operation[]][]; names: string[] }) {
  return (
    <nav class="contents" aria-label="Contents">
      {byTag.map(([tag, ops]) => (
        <>
          <p><a href={`#tag-${tag}`}>{titleOf(tag)}</a></p>
          <ul>{ops.map((op) => <li><a href={`#${op.operationId}`}><code><b>{op.method}</b> {op.path}</code></a></li>)}</ul>
        </>
      ))}
      <details>
        <summary>Schemas</summary>
        <ul>{names.map((name) => <li><SchemaLink name={name} /></li>)}</ul>
      </details>
    </nav>
  );
}

/* The operations whose text mentions the schema, by itself or through parameters and answers. */
const usersOf = (name: string, ops: Operation[]): Operation[] =>
  ops.filter((op) => JSON.stringify(op).includes(`"#/components/schemas/${name}"`));

function Page({ files }: { files: Files }) {
  const ops = operations(root);
  const byTag = root.tags.map(({ name }) => [name, ops.filter((op) => op.tags.includes(name))] as [string, Operation[]]);
  const schemas = Object.entries(root.components.schemas);
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>API · scrc</title>
        <link rel="icon" href={`/assets/${files.icon}`} type="image/svg+xml" />
        <link rel="stylesheet" href={`/assets/${files.css}`} />
        <link rel="stylesheet" href={`/assets/${files.docsCss}`} />
        <script type="module" src={`/assets/${files.docsJs}`} />
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header class="top">
          <a class="brand" href="/#/">scrc</a>
          <nav aria-label="Pages">
            {PAGES.map(([address, title]) => <a href={`/${address}`} aria-current={address === 'docs' ? 'page' : undefined}>{title}</a>)}
          </nav>
        </header>
        <div class="docs">
          <Contents byTag={byTag} names={schemas.map(([name]) => name)} />
          <main id="main" tabIndex={-1}>
            <h1>API</h1>
            <p class="summary">
              {root.info.title} {root.info.version}: {root.info.summary}. As a file for generators: <a href="/openapi.yaml">openapi.yaml</a>.
            </p>
            <Prose text={root.info.description} />
            {byTag.map(([tag, list]) => (
              <section id={`tag-${tag}`}>
                <Heading level={2} to={`tag-${tag}`}>{titleOf(tag)}</Heading>
                {list.map((op) => <OperationSection op={op} />)}
              </section>
            ))}
            <section id="schemas">
              <Heading level={2} to="schemas">Schemas</Heading>
              {schemas.map(([name, s]) => <SchemaSection name={name} schema={s} users={usersOf(name, ops)} />)}
            </section>
          </main>
        </div>
      </body>
    </html>
  );
}

/* yaml: the text of openapi.yaml. */
export function docsPage(yaml: string, files: Files): string {
  root = parse(yaml, { merge: true }) as Document;
  return `<!doctype html>\n${renderToStaticMarkup(<Page files={files} />)}\n`;
}
