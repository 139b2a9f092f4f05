/* What compilers say of lines of the source: gcc's, javac's and go's messages, and python's of a
 * syntax error. */

import { Store } from './store';

export interface Mark {
  line: number; /* from 1 */
  from: number; /* characters of that line, from 0 */
  to: number;
  severity: 'error' | 'warning' | 'info';
  message: string;
}

/* The mark that somebody wants to see; the editor goes there. */
export const pointed = new Store<{ mark: Mark } | null>(null);

const MARKS_MAX = 200;
const TAB = 8; /* gcc counts columns as a terminal shows them */

const SEVERITY: Record<string, Mark['severity']> = { error: 'error', 'fatal error': 'error', warning: 'warning', note: 'info' };

/* FILE:LINE[:COLUMN]: [SEVERITY:] MESSAGE, of a file beside the source: headers of the system have whole paths. */
const BY_PLACE = /^([^/\s:][^:\n]*|\.\/[^:\n]+):(\d+):(?:(\d+):)? (?:(fatal error|error|warning|note): )?(.+)$/;
const BY_PYTHON = /^ {2}File ".*", line (\d+)$/;
const PYTHON_ERROR = /^((?:Syntax|Indentation|Tab)Error: .*)$/;
const CARET = /^\s*\^[\^~]*$/;

const indent = (text: string): number => text.length - text.trimStart().length;

/* The n-th column of what a terminal shows. */
function shownAt(text: string, column: number): number {
  let at = 0;
  let shown = 0;
  for (const c of text) {
    shown += c === '\t' ? TAB - (shown % TAB) : 1;
    if (shown >= column) break;
    at += c.length;
  }
  return at;
}

/* The n-th byte. */
function byteAt(text: string, column: number): number {
  let at = 0;
  let bytes = 1;
  for (const c of text) {
    if (bytes >= column) break;
    bytes += new TextEncoder().encode(c).length;
    at += c.length;
  }
  return at;
}

/* A caret under a copy of the line, which may be indented in another way. */
const caretAt = (text: string, copy: string, caret: number): number => caret - indent(copy) + indent(text);

/* What is marked of a line: the word that begins there, or as much as is to be seen. */
function marked(text: string, at: number): { from: number; to: number } {
  const from = Math.max(0, Math.min(at, text.trimEnd().length - 1));
  return { from, to: from + (/^[\p{L}\p{N}_$]+/u.exec(text.slice(from))?.[0].length ?? 1) };
}

/* Where there is no column it is the whole line. */
const place = (text: string, at: number | null): { from: number; to: number } =>
  (at == null ? { from: indent(text), to: Math.max(text.trimEnd().length, indent(text)) } : marked(text, at));

export function marksOf(log: string, source: string): Mark[] {
  const said = log.split('\n');
  const lines = source.split('\n');
  const marks: Mark[] = [];
  let python = 0; /* the line that its last "File" named */
  let copy = ''; /* of the source, with a caret below */
  let caret: number | null = null;

  for (const [i, text] of said.entries()) {
    const [, file, number, column, severity, message] = BY_PLACE.exec(text) ?? [];
    const found = BY_PYTHON.exec(text);
    if (found) {
      [python, copy, caret] = [Number(found[1]), said[i + 1] ?? '', null];
    } else if (python && CARET.test(text)) {
      caret = text.indexOf('^');
    } else if (python && PYTHON_ERROR.test(text)) {
      const line = lines[python - 1] ?? '';
      marks.push({ line: python, ...place(line, caret == null ? null : caretAt(line, copy, caret)), severity: 'error', message: text });
      python = 0;
    } else if (file && number && message) {
      const line = lines[Number(number) - 1];
      if (line === undefined) continue;
      const below = said[i + 2] ?? ''; /* javac has no column, and a caret below a copy */
      const at = !column ? (CARET.test(below) ? caretAt(line, said[i + 1] ?? '', below.indexOf('^')) : null)
        : severity ? shownAt(line, Number(column)) : byteAt(line, Number(column));
      marks.push({ line: Number(number), ...place(line, at), severity: SEVERITY[severity ?? ''] ?? 'error', message });
    }
    if (marks.length === MARKS_MAX) break;
  }
  return marks;
}
