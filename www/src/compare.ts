/* Where two outputs part, line beside line: what the table of a wrong answer shows.
 *
 * Lines are put beside each other by jsdiff, and so are the characters (the words, where words are
 * compared) of two lines that differ. "Equal" is what the checker calls equal. */

import { diffArrays, diffChars } from 'diff';

import type { Checker, CheckerName, Difference, Gap } from './api';
import { byteLength } from './escaped';
import { notHalf, startOf } from './place';

export interface Rule {
  name: CheckerName;
  folds: boolean; /* a letter's case makes no difference */
  absolute: number;
  relative: number;
}

/* The server's own rule: of the tolerances only those that are given count, 1e-6 where neither is. */
export function ruleOf(checker: Checker | undefined, usual: CheckerName): Rule {
  const c = typeof checker === 'object' ? checker : { name: checker ?? usual };
  const neither = c.absolute_tolerance == null && c.relative_tolerance == null;
  return {
    name: c.name,
    folds: c.case_sensitive === false,
    absolute: c.absolute_tolerance ?? (neither ? 1e-6 : 0),
    relative: c.relative_tolerance ?? (neither ? 1e-6 : 0),
  };
}

/* A piece of a line; marked: it is not what the other side has. */
export interface Piece {
  text: string;
  marked: boolean;
}

export interface Side {
  number: number;
  before: number; /* so many characters of the line are not shown */
  after: number;
  pieces: Piece[];
  end: 'newline' | 'none' | null; /* said only where it is what differs */
}

/* One side is null where only the other has such a line. */
export interface Row {
  expected: Side | null;
  got: Side | null;
  differs: boolean;
}

export interface Comparison {
  rows: Row[];
  before: boolean; /* there are lines before the first row... */
  after: boolean; /* ...and behind the last one */
  bytes: { expected: string; got: string } | null; /* where they part, when the eye could not tell */
}

interface Line {
  number: number;
  text: string;
  newline: boolean;
  before: number;
  after: number;
}

/* ---- equal ---- */

const BLANKS = ' \\t\\n\\v\\f\\r';
const TRAILING = new RegExp(`[${BLANKS}]+$`);
const WORDS = new RegExp(`[^${BLANKS}]+`, 'g');
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

const byWords = (rule: Rule): boolean => rule.name === 'tokens' || rule.name === 'float';

const trimmed = (text: string): string => text.replace(TRAILING, '');

const folded = (text: string, rule: Rule): string =>
  (rule.folds ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text);

function numberOf(word: string): number | null {
  if (NUMBER.test(word)) return Number(word);
  const [, sign, name] = /^([+-]?)(nan|inf|infinity)$/i.exec(word) ?? [];
  if (!name) return null;
  return name.toLowerCase() === 'nan' ? NaN : sign === '-' ? -Infinity : Infinity;
}

function sameWord(expected: string, got: string, rule: Rule): boolean {
  const e = rule.name === 'float' ? numberOf(expected) : null;
  const g = e == null ? null : numberOf(got);
  if (e == null || g == null) return e == null && folded(expected, rule) === folded(got, rule);
  if (!Number.isFinite(e) || !Number.isFinite(g)) return Object.is(e, g);
  const off = Math.abs(e - g);
  return off <= rule.absolute || off <= rule.relative * Math.abs(e);
}

const wordsOf = (text: string): string[] => text.match(WORDS) ?? [];

function sameLine(expected: Line, got: Line, rule: Rule): boolean {
  if (byWords(rule)) {
    const [e, g] = [wordsOf(expected.text), wordsOf(got.text)];
    return e.length === g.length && e.every((word, i) => sameWord(word, g[i] ?? '', rule));
  }
  if (rule.name === 'lines') return folded(trimmed(expected.text), rule) === folded(trimmed(got.text), rule);
  return expected.newline === got.newline && folded(expected.text, rule) === folded(got.text, rule);
}

/* ---- where ---- */

/* A place in a text, and what of its line is before it. */
interface Focus {
  at: number; /* where its line begins in the text */
  column: number; /* characters from there */
  line: number;
  left: number; /* characters of the line that the report leaves out before `at` */
}

/* Where a byte of the line is, in characters. */
function columnOf(text: string, start: number, bytes: number): number {
  let at = start;
  for (let left = bytes; at < text.length && left > 0 && text[at] !== '\n';) {
    const code = text.codePointAt(at) ?? 0;
    left -= byteLength(code);
    at += code < 0x10000 ? 1 : 2;
  }
  return at - start;
}

/* null: the text has no such line. */
function lineAt(text: string, line: number, from = { at: 0, line: 1 }): number | null {
  let at = from.at;
  for (let n = from.line; n < line; n++) {
    at = text.indexOf('\n', at) + 1;
    if (at === 0) return null;
  }
  return at;
}

/* The same word of the expected output: as many words are before it. Behind a gap nobody knows how
 * many: then it is taken to be on the same line. */
function wordFocus(expected: string, got: string, focus: Focus, isBehindGap: boolean): Focus {
  const here = (at: number, column: number, line: number): Focus => ({ at, column, line, left: 0 });
  if (isBehindGap) return here(lineAt(expected, focus.line) ?? expected.length, 0, focus.line);
  let left = wordsOf(got.slice(0, focus.at + focus.column)).length;
  for (const found of expected.matchAll(WORDS)) {
    if (left-- > 0) continue;
    const at = expected.lastIndexOf('\n', found.index) + 1;
    return here(at, found.index - at, expected.slice(0, at).split('\n').length);
  }
  const at = expected.lastIndexOf('\n', expected.length - 2) + 1;
  return here(at, expected.length - at, expected.slice(0, at).split('\n').length);
}

/* Where both part. */
function focuses(expected: string, got: string, d: Difference, gap: Gap | null | undefined, rule: Rule) {
  const start = startOf(got, d, gap);
  const at = lineAt(got, d.line, start) ?? got.length;
  const cutBytes = d.line === start.line ? start.column - 1 : 0;
  const g: Focus = { at, column: columnOf(got, at, d.column - 1 - cutBytes), line: d.line, left: cutBytes };
  let e: Focus;
  if (byWords(rule)) e = wordFocus(expected, got, g, start.at > 0);
  else {
    const line = lineAt(expected, d.line) ?? expected.length;
    const cut = columnOf(expected, line, cutBytes);
    e = { at: line + cut, column: columnOf(expected, line + cut, d.column - 1 - cutBytes), line: d.line, left: cut };
    g.left = cut; /* so far both are the same */
  }
  return { e, g, first: start.at };
}

/* The same as offsets in the texts, for those who show all of them. */
export function partAt(expected: string, got: string, d: Difference, gap: Gap | null | undefined, rule: Rule) {
  const { e, g } = focuses(expected, got, d, gap, rule);
  return { expected: e.at + e.column, got: g.at + g.column };
}

/* ---- lines ---- */

/* More of a line is not looked at. */
const LINE_MAX = 2000;
const SHOWN_BEFORE = 500;

function lineFrom(text: string, at: number, number: number, column: number): { line: Line; next: number } {
  const newline = text.indexOf('\n', at);
  const end = newline < 0 ? text.length : newline;
  const from = end - at > LINE_MAX ? notHalf(text, at + Math.max(0, column - SHOWN_BEFORE)) : at;
  const to = notHalf(text, Math.min(end, from + LINE_MAX));
  return {
    line: { number, text: text.slice(from, to), newline: newline >= 0, before: from - at, after: end - to },
    next: newline < 0 ? text.length : newline + 1,
  };
}

function linesBefore(text: string, focus: Focus, first: number, count: number): Line[] {
  const lines: Line[] = [];
  let at = focus.at;
  while (lines.length < count && at > first) {
    const start = text.lastIndexOf('\n', at - 2) + 1;
    at = Math.max(first, at > 1 ? start : 0);
    lines.unshift(lineFrom(text, at, focus.line - lines.length - 1, 0).line);
  }
  return lines;
}

function linesFrom(text: string, focus: Focus, count: number): { lines: Line[]; more: boolean } {
  const lines: Line[] = [];
  let at = focus.at;
  while (lines.length < count && at < text.length) {
    const { line, next } = lineFrom(text, at, focus.line + lines.length, lines.length === 0 ? focus.column : 0);
    if (lines.length === 0) line.before += focus.left;
    lines.push(line);
    at = next;
  }
  return { lines, more: at < text.length };
}

/* ---- side by side ---- */

type Pair = [Line | null, Line | null];

const together = (e: Line[], g: Line[]): Pair[] =>
  Array.from({ length: Math.max(e.length, g.length) }, (_, i): Pair => [e[i] ?? null, g[i] ?? null]);

/* Is slow where all differs: then line by line, as the checker reads them. */
const TIMEOUT_MS = 300;

function aligned(e: Line[], g: Line[], rule: Rule): Pair[] {
  const changes = diffArrays(e, g, { comparator: (a: Line, b: Line) => sameLine(a, b, rule), timeout: TIMEOUT_MS });
  if (!changes) return together(e, g);
  const pairs: Pair[] = [];
  let [i, k] = [0, 0];
  let lost: Line[] = [];
  let extra: Line[] = [];
  const flush = () => {
    pairs.push(...together(lost, extra));
    [lost, extra] = [[], []];
  };
  for (const c of changes) {
    if (c.removed) lost.push(...e.slice(i, i += c.count));
    else if (c.added) extra.push(...g.slice(k, k += c.count));
    else {
      flush();
      pairs.push(...together(e.slice(i, i += c.count), g.slice(k, k += c.count)));
    }
  }
  flush();
  return pairs;
}

/* ---- marks ---- */

const plainPiece = (text: string): Piece => ({ text, marked: false });
const markedPiece = (text: string): Piece => ({ text, marked: true });

function commonStart(e: string, g: string, rule: Rule): number {
  const [a, b] = [folded(e, rule), folded(g, rule)];
  let n = 0;
  while (n < a.length && n < b.length && a[n] === b[n]) n++;
  return notHalf(e, n);
}

/* Lines that have little in common are marked in one piece. */
function charPieces(e: string, g: string, rule: Rule): [Piece[], Piece[]] {
  const changes = diffChars(e, g, { ignoreCase: rule.folds, timeout: TIMEOUT_MS, maxEditLength: 400 });
  const same = changes?.filter((c) => !c.added && !c.removed).reduce((n, c) => n + c.count, 0) ?? 0;
  if (!changes || same * 2 < Math.min(e.length, g.length)) {
    const n = commonStart(e, g, rule);
    return [[plainPiece(e.slice(0, n)), markedPiece(e.slice(n))], [plainPiece(g.slice(0, n)), markedPiece(g.slice(n))]];
  }
  const [left, right]: [Piece[], Piece[]] = [[], []];
  let at = 0; /* of what is equal jsdiff has the text of g only */
  for (const c of changes) {
    if (c.removed) left.push(markedPiece(c.value));
    else if (c.added) right.push(markedPiece(c.value));
    else {
      left.push(plainPiece(e.slice(at, at + c.value.length)));
      right.push(plainPiece(c.value));
    }
    if (!c.added) at += c.value.length;
  }
  return [left, right];
}

function linePieces(e: Line, g: Line, rule: Rule): [Piece[], Piece[]] {
  const [a, b] = rule.name === 'lines' ? [trimmed(e.text), trimmed(g.text)] : [e.text, g.text];
  const start = Math.max(0, commonStart(a, b, rule) - 50);
  const [left, right] = charPieces(a.slice(start), b.slice(start), rule);
  const whole = (text: string, cut: string, pieces: Piece[]) =>
    [plainPiece(text.slice(0, start)), ...pieces, plainPiece(text.slice(cut.length))];
  return [whole(e.text, a, left), whole(g.text, b, right)];
}

/* The words of a text from its focus on; of its first line `skip` characters are before that. */
const wordsFrom = (lines: Line[], skip: number): string[] =>
  lines.flatMap((line, i) => wordsOf(i === 0 ? line.text.slice(skip) : line.text));

/* Which words, in their order, are not the other side's; how they lie on lines means nothing. `more`:
 * what is only on one side at the end may be behind the end of the other. */
function wordMarks(e: string[], g: string[], rule: Rule, more: boolean): [boolean[], boolean[]] {
  const changes = diffArrays(e, g, { comparator: (a: string, b: string) => sameWord(a, b, rule), timeout: TIMEOUT_MS });
  if (!changes) return [e.map(() => true), g.map(() => true)];
  const last = more ? changes.findLastIndex((c) => !c.added && !c.removed) : changes.length;
  const marks = (mine: 'added' | 'removed', other: 'added' | 'removed') => changes.flatMap((c, i) =>
    (c[other] ? [] : Array<boolean>(c.count).fill(c[mine] && (i <= last || i < 2))));
  return [marks('removed', 'added'), marks('added', 'removed')];
}

function wordPieces(lines: Line[], skip: number, marks: boolean[]): Map<Line, Piece[]> {
  let word = 0;
  return new Map(lines.map((line, i) => {
    const pieces: Piece[] = [];
    let at = 0;
    for (const found of line.text.matchAll(WORDS)) {
      if ((i === 0 && found.index < skip) || !marks[word++]) continue;
      pieces.push(plainPiece(line.text.slice(at, found.index)), markedPiece(found[0]));
      at = found.index + found[0].length;
    }
    return [line, [...pieces, plainPiece(line.text.slice(at))]];
  }));
}

function allWordPieces(e: Line[], g: Line[], skips: [number, number], rule: Rule, more: boolean): Map<Line, Piece[]> {
  const [left, right] = wordMarks(wordsFrom(e, skips[0]), wordsFrom(g, skips[1]), rule, more);
  return new Map([...wordPieces(e, skips[0], left), ...wordPieces(g, skips[1], right)]);
}

/* ---- rows ---- */

const LINE_SHOWN = 400;
const MARK_AFTER = 60;

/* The part of the line with its first mark. `from`: where the other side begins, so that both show
 * the same. */
function cut(line: Line, pieces: Piece[], from: number): Side {
  let at = 0;
  let [before, after] = [line.before + Math.min(from, line.text.length), line.after];
  const shown: Piece[] = [];
  for (const p of pieces) {
    const text = p.text.slice(Math.max(0, notHalf(p.text, from - at)), Math.max(0, notHalf(p.text, from + LINE_SHOWN - at)));
    if (text) shown.push({ ...p, text });
    after += Math.max(0, Math.min(p.text.length, at + p.text.length - from - LINE_SHOWN));
    at += p.text.length;
  }
  return { number: line.number, before, after, pieces: shown, end: null };
}

function firstMark(pieces: Piece[] | null): number {
  let at = 0;
  for (const p of pieces ?? []) {
    if (p.marked) return at;
    at += p.text.length;
  }
  return Infinity;
}

function rowOf([e, g]: Pair, rule: Rule, words: Map<Line, Piece[]> | null): Row {
  const isSame = !!e && !!g && sameLine(e, g, rule);
  let [left, right]: [Piece[] | null, Piece[] | null] = [e && [plainPiece(e.text)], g && [plainPiece(g.text)]];
  if (words) [left, right] = [e && (words.get(e) ?? left), g && (words.get(g) ?? right)];
  else if (e && g && !isSame) [left, right] = linePieces(e, g, rule);
  else if (!isSame) [left, right] = [e && [markedPiece(e.text)], g && [markedPiece(g.text)]];
  const mark = Math.min(firstMark(left), firstMark(right));
  const isLong = Math.max(e?.text.length ?? 0, g?.text.length ?? 0) > LINE_SHOWN;
  const from = isLong && mark < Infinity ? Math.max(0, mark - MARK_AFTER) : 0;
  const row: Row = {
    expected: e && left && cut(e, left, from),
    got: g && right && cut(g, right, from),
    differs: words ? mark < Infinity : !isSame,
  };
  const ends = (line: Line | null): Side['end'] => (line?.newline ? 'newline' : 'none');
  if (rule.name === 'exact' && e && g && e.newline !== g.newline) {
    if (row.expected) row.expected.end = ends(e);
    if (row.got) row.got.end = ends(g);
  } else if (!words && row.differs) {
    if (row.expected && !e?.text) row.expected.end = ends(e);
    if (row.got && !g?.text) row.got.end = ends(g);
  }
  return row;
}

/* Where both go on, the other half of the last lines is only not looked at. */
function withoutHalves(pairs: Pair[], more: boolean): Pair[] {
  const last = more ? pairs.findLastIndex(([e, g]) => e && g) : -1;
  return last < 0 ? pairs : pairs.slice(0, last + 1);
}

/* Empty lines at the end make no difference to `lines`. */
function withoutEmptyEnd(pairs: Pair[], rule: Rule): Pair[] {
  if (rule.name !== 'lines') return pairs;
  const last = pairs.findLastIndex(([e, g]) => trimmed(e?.text ?? '') || trimmed(g?.text ?? ''));
  return pairs.slice(0, last + 1);
}

/* What can be told apart by looking. */
const SEEN = /^[\x21-\x7e]$/;
const BYTES_OF = 4;

function bytesAt(e: Line | null, g: Line | null, rule: Rule, columns: [number, number]): Comparison['bytes'] {
  const rest = (line: Line | null, column: number) => (line ? line.text.slice(column) + (line.newline ? '\n' : '') : '');
  const [a, b] = [rest(e, columns[0]), rest(g, columns[1])];
  const at = byWords(rule) ? commonStart(a, b, rule) : 0;
  const [left, right] = [Array.from(a.slice(at)), Array.from(b.slice(at))];
  if (SEEN.test(left[0] ?? '') && SEEN.test(right[0] ?? '')) return null;
  return { expected: left.slice(0, BYTES_OF).join(''), got: right.slice(0, BYTES_OF).join('') };
}

/* before, after: how many lines around the first difference are compared. Texts are as escaped.ts
 * makes them. */
export function compare(expected: string, got: string, d: Difference, gap: Gap | null | undefined, rule: Rule,
  size: { before: number; after: number }): Comparison {
  const { e, g, first } = focuses(expected, got, d, gap, rule);
  const behind = first > 0 || !gap ? got : got.slice(0, got.lastIndexOf(gap.marker));
  const [e0, g0] = [linesBefore(expected, e, 0, size.before), linesBefore(behind, g, first, size.before)];
  const [e1, g1] = [linesFrom(expected, e, size.after), linesFrom(behind, g, size.after)];
  const before = Math.min(e0.length, g0.length);
  const ahead = together(e0.slice(e0.length - before), g0.slice(g0.length - before));
  const more = e1.more || g1.more;
  const isAnchored = byWords(rule) && e.line !== g.line;
  const pairs = isAnchored ? together(e1.lines, g1.lines) : withoutHalves(aligned(e1.lines, g1.lines, rule), more);
  const skip = (focus: Focus, line: Line | undefined) => focus.column - (line ? line.before - focus.left : 0);
  const skips: [number, number] = [skip(e, e1.lines[0]), skip(g, g1.lines[0])];
  const words = byWords(rule) ? allWordPieces(e1.lines, g1.lines, skips, rule, more) : null;
  return {
    rows: withoutEmptyEnd([...ahead, ...pairs], rule).map((pair) => rowOf(pair, rule, words)),
    before: before >= size.before && g.at > first,
    after: more,
    bytes: bytesAt(e1.lines[0] ?? null, g1.lines[0] ?? null, rule, skips),
  };
}
