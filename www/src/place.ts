/* Places of an output in the text that a report has of it. */

import type { Difference, Gap } from './api';

/* `at`, or before it where that is the middle of a surrogate pair. */
export const notHalf = (text: string, at: number): number =>
  (/[\udc00-\udfff]/.test(text.charAt(at)) && /[\ud800-\udbff]/.test(text.charAt(at - 1)) ? at - 1 : at);

/* A place of the whole output, and where in the text it is. */
export interface Place {
  at: number;
  line: number;
  column: number;
}

/* Behind the gap, if the difference is there. The program may have printed such a line too, but not
 * often behind it. */
export function startOf(text: string, difference: Difference, gap: Gap | null | undefined): Place {
  const start = { at: 0, line: 1, column: 1 };
  if (!gap || difference.line < gap.line) return start;
  if (difference.line === gap.line && difference.column < gap.column) return start;
  const marker = `${gap.marker}\n`;
  const found = text.lastIndexOf(marker);
  return found < 0 ? start : { at: found + marker.length, line: gap.line, column: gap.column };
}
