/* client.ts URL - uses the types that openapi-typescript makes of openapi.yaml, by way of openapi-fetch.
 *
 * Submits and waits, lists, reads a part of a report, is refused and cancels. Prints what it got as JSON.
 */
import createClient from 'openapi-fetch';

import type { components, paths } from './api.js';

type Submission = components['schemas']['Submission'];
type Report = components['schemas']['Report'];

declare const process: { argv: [string, string, string] };

const client = createClient<paths>({ baseUrl: process.argv[2] });
const SUM = 'print(sum(map(int, input().split())))';

/* Nothing but what is sent: no default makes a property one that must be there. */
const body: Submission = {
  language: 'python',
  source: SUM,
  labels: { by: 'typescript' },
  checker: { name: 'tokens' },
  stop_on_failure: false,
  limits: { time_limit_ms: 5000 },
  tests: [{ input: '1 2', expected_output: '3' }, { input: '1 2', expected_output: '4' }],
};

const assert: (condition: unknown, what: unknown) => asserts condition = (condition, what) => {
  if (!condition) throw new Error(JSON.stringify(what));
};

async function judged(): Promise<Report> {
  const { data, error } = await client.POST('/submissions', { params: { query: { wait: 60 } }, body });
  assert(data && 'verdict' in data, error ?? data);
  return data;
}

/* All pages, of one each. */
async function listed(): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor: string | undefined; ;) {
    const { data, error } = await client.GET('/results', {
      params: {
        query: {
          label: ['by:typescript'], state: 'done', sort: 'submitted_at', limit: 1,
          since: new Date(Date.now() - 3600e3).toISOString(), ...(cursor && { cursor }),
        },
      },
    });
    assert(data, error);
    ids.push(...data.results.map((item) => item.id));
    if (data.next_cursor === null) return ids;
    cursor = data.next_cursor;
  }
}

async function part(id: string): Promise<string[]> {
  const { data, error, response } = await client.GET('/results/{id}', {
    params: { path: { id }, query: { fields: ['verdict', 'tests'] } },
  });
  assert(response.status === 200 && data && !('state' in data), error ?? data);
  assert(data.id === undefined && data.verdict === 'WA', data);
  return (data.tests ?? []).map((test) => test.verdict);
}

async function refused(): Promise<[number, string]> {
  const { error } = await client.POST('/submissions', { body: { language: 'none', source: SUM } });
  assert(error, 'not refused');
  return [error.status, error.code];
}

async function cancelled(): Promise<string> {
  const { data } = await client.POST('/submissions', { body: { language: 'python', source: 'while True: pass' } });
  assert(data && 'position' in data, data);
  const path = { id: data.id };
  const pending = await client.GET('/results/{id}', { params: { path } });
  assert(pending.response.status === 202 && pending.data && 'position' in pending.data, pending.data);
  const end = await client.DELETE('/submissions/{id}', { params: { path } });
  assert(end.data, end.error);
  return end.data.state;
}

const report = await judged();
await judged();
console.log(JSON.stringify({
  id: report.id,
  verdict: report.verdict,
  got: report.tests.map((test) => test.stdout),
  listed: await listed(),
  part: await part(report.id),
  refused: await refused(),
  cancelled: await cancelled(),
}));
