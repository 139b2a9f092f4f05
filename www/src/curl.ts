/* A submission as a command for a shell. */

import type { Submission } from './api';

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

export const curlOf = (submission: Submission): string =>
  `curl ${quoted(`${location.origin}/submissions?wait=30`)} -H 'Content-Type: application/json' --data-binary ${quoted(JSON.stringify(submission))}`;
