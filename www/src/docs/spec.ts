/* openapi.yaml as the page of the API reads it: only what that file uses of OpenAPI 3.1. */

export interface Schema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  examples?: unknown[];
  format?: string;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  maxProperties?: number;
  contentEncoding?: string;
  contentSchema?: Schema;
  required?: string[];
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  items?: Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
}

export interface Parameter {
  $ref?: string;
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  example?: unknown;
  schema: Schema;
}

export interface Content {
  schema?: Schema; /* none: bytes */
  examples?: Record<string, { summary?: string; value: unknown }>;
}

export interface Response {
  $ref?: string;
  description: string;
  headers?: Record<string, { $ref?: string; description?: string; schema: Schema }>;
  content?: Record<string, Content>;
}

export interface Operation {
  method: string;
  path: string;
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  parameters: Parameter[];
  requestBody?: { description?: string; required?: boolean; content: Record<string, Content> };
  responses: [string, Response][];
}

type PathItem = Record<string, unknown> & { parameters?: Parameter[] };

export interface Document {
  info: { title: string; version: string; summary: string; description: string };
  servers: { url: string }[];
  tags: { name: string }[];
  paths: Record<string, PathItem>;
  components: { schemas: Record<string, Schema> };
}

/* The last part of a reference: "Report". */
export const refName = (ref: string): string => ref.slice(ref.lastIndexOf('/') + 1);

/* What it refers to, with what stands beside the reference as the last word. */
export function resolve<T extends { $ref?: string }>(root: Document, node: T): T {
  if (!node.$ref) return node;
  let found: unknown = root;
  for (const step of node.$ref.replace('#/', '').split('/')) found = (found as Record<string, unknown>)[step];
  if (!found) throw new Error(`openapi.yaml: ${node.$ref} is nowhere`);
  const { $ref: _, ...beside } = node;
  return { ...resolve(root, found as T), ...beside } as T;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

/* In the order of the file. */
export function operations(root: Document): Operation[] {
  return Object.entries(root.paths).flatMap(([path, item]) => METHODS.filter((m) => m in item).map((method) => {
    const raw = item[method] as Omit<Operation, 'method' | 'path' | 'responses'> & { responses: Record<string, Response> };
    return {
      ...raw,
      method: method.toUpperCase(),
      path,
      parameters: [...(item.parameters ?? []), ...(raw.parameters ?? [])].map((p) => resolve(root, p)),
      responses: Object.entries(raw.responses).map(([status, r]) => [status, resolve(root, r)] as [string, Response]),
    };
  }));
}

/* ---- what one may write ---- */

const UNITS: [RegExp, string][] = [[/_ms$/, 'milliseconds'], [/_bytes$/, 'bytes']];

export const unitOf = (name: string): string | undefined => UNITS.find(([end]) => end.test(name))?.[1];

const between = (low: number | undefined, high: number | undefined, what = ''): string | undefined => {
  if (low === undefined && high === undefined) return undefined;
  const text = high === undefined ? `at least ${low}` : low === undefined ? `at most ${high}` : `${low} to ${high}`;
  return `${text}${what}`;
};

/* "0 to 300000", "at most 255 characters": each bound in words. */
export const boundsOf = (s: Schema): string[] => [
  between(s.minimum, s.maximum),
  between(s.minLength, s.maxLength, ' characters'),
  between(s.minItems, s.maxItems, ' items'),
  between(undefined, s.maxProperties, ' names'),
  s.format === 'date-time' ? 'RFC 3339' : s.format,
  s.contentEncoding,
  s.pattern && `matches ${s.pattern}`,
].filter((text) => text !== undefined && text !== '') as string[];

/* ---- curl ---- */

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

const exampleOf = (root: Document, p: Parameter): string =>
  String(p.example ?? resolve(root, p.schema).examples?.[0] ?? p.name);

/* The operation as a command: what is required, and what has an example of its own. */
export function curlOf(root: Document, op: Operation, body?: unknown): string {
  const path = op.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const p = op.parameters.find((q) => q.in === 'path' && q.name === name);
    return encodeURIComponent(p ? exampleOf(root, p) : name);
  });
  const query = op.parameters.filter((p) => p.in === 'query' && (p.required || p.example !== undefined))
    .map((p) => `${p.name}=${encodeURIComponent(exampleOf(root, p)).replaceAll('%2C', ',')}`).join('&');
  const streams = op.responses.some(([, r]) => r.content?.['text/event-stream']);
  return [
    'curl',
    streams ? '-N' : '-s',
    body === undefined && op.method !== 'GET' ? `-X ${op.method}` : '',
    quoted(`${root.servers[0]?.url}${path}${query ? `?${query}` : ''}`),
    body === undefined ? '' : `\\\n  -H 'Content-Type: application/json' \\\n  -d ${quoted(JSON.stringify(body))}`,
  ].filter(Boolean).join(' ');
}
