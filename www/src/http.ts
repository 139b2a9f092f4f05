/* Asking the server. What goes wrong is a Refused (the server said why) or a TypeError (there was no
 * answer); explain() makes either into a sentence. */

import type { Answer, Pending, Problem, Report, Submission } from './api';

export class Refused extends Error {
  constructor(readonly status: number, readonly problem: Problem | null) {
    super(problem?.detail ?? `the server answered ${status}`);
  }
}

export function explain(e: unknown): string {
  if (e instanceof TypeError) return 'The server does not answer.';
  if (!(e instanceof Refused)) return e instanceof Error ? e.message : String(e);
  const fields = e.problem?.errors?.map((f) => `${f.pointer ?? f.parameter ?? ''} ${f.detail}`.trim());
  return fields?.length ? fields.join('; ') : e.message;
}

/* A proxy in between may answer with something else than JSON. */
async function problemOf(answer: Response): Promise<Problem | null> {
  return answer.json().catch(() => null) as Promise<Problem | null>;
}

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const answer = await fetch(path, { ...init, credentials: 'same-origin', redirect: 'error' });
  if (!answer.ok) throw new Refused(answer.status, await problemOf(answer));
  return answer;
}

export async function get<Path extends string>(path: Path, signal?: AbortSignal): Promise<Answer<Path>> {
  return (await ask(path, signal ? { signal } : {})).json() as Promise<Answer<Path>>;
}

export const idPath = <Root extends '/results' | '/submissions'>(root: Root, id: string): `${Root}/${string}` =>
  `${root}/${encodeURIComponent(id)}`;

/* The report when it is final, else the state. */
export async function result(id: string, signal?: AbortSignal): Promise<{ report: Report } | { pending: Pending }> {
  const answer = await ask(idPath('/results', id), signal ? { signal } : {});
  return answer.status === 200
    ? { report: (await answer.json()) as Report }
    : { pending: (await answer.json()) as Pending };
}

/* Returns its id. */
export async function submit(submission: Submission): Promise<string> {
  const answer = await ask('/submissions', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(submission),
  });
  return ((await answer.json()) as { id: string }).id;
}

export async function cancel(id: string): Promise<void> {
  await ask(idPath('/submissions', id), { method: 'DELETE' });
}
