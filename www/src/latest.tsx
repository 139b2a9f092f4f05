/* The ways to the submission that came last, and to the last that failed. */

import { useState } from 'preact/hooks';

import { VERDICTS, type Item } from './api';
import { explain, get } from './http';
import { go, submissionPath } from './router';
import { Notice } from './ui';

const FAILED = VERDICTS.filter((v) => v !== 'OK' && v !== '-');

const newest = async (question: string): Promise<Item[]> => (await get(`/results?limit=1${question}`)).results;

/* The list asks for one status at a time. */
async function newestFailed(): Promise<Item[]> {
  const each = await Promise.all(FAILED.map((status) => newest(`&status=${status}`)));
  return each.flat().sort((a, b) => (a.submitted_at < b.submitted_at ? 1 : -1));
}

export function Latest() {
  const [said, setSaid] = useState('');
  const find = (what: () => Promise<Item[]>, none: string) => {
    setSaid('');
    what().then(([item]) => {
      if (item) go(submissionPath(item.id));
      else setSaid(none);
    }, (e: unknown) => setSaid(explain(e)));
  };
  return (
    <span class="latest">
      <button type="button" class="quiet" onClick={() => find(() => newest(''), 'There is none yet.')}>Latest</button>
      <button type="button" class="quiet" onClick={() => find(newestFailed, 'None has failed.')}>Latest failed</button>
      <Notice text={said} tone="slow" />
    </span>
  );
}
