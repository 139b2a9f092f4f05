/* What a program printed, shown as what it is: text. Never markup; what cannot be seen (control
 * characters, marks that turn the direction) is made visible; a long one is cut around what matters,
 * and shown whole on demand. */

import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

import { escapedByte } from './escaped';
import { bytes, count } from './format';
import { notHalf } from './place';

const CUT_AT = 4000;
const CUT_LINES = 60;
/* Elements are dear: beyond so many, what cannot be seen is replaced without one. */
const MAX_MARKS = 2000;

/* C0 but for tab and newline, C1, soft hyphen, zero-width, direction marks, separators, fillers,
 * tags, bytes that are no character: all that has no shape of its own. */
const UNSEEN =
  /[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\u{e0000}-\u{e01ef}\udc80-\udcff]+/gu;

/* The usual ones by name; fonts have no pictures of them. */
const NAMES: Record<number, string> = {
  0: 'NUL', 7: 'BEL', 8: 'BS', 0xb: 'VT', 0xc: 'FF', 0xd: 'CR', 0x1b: 'ESC', 0x7f: 'DEL', 0xad: 'SHY',
  0x200b: 'ZWSP', 0x200c: 'ZWNJ', 0x200d: 'ZWJ', 0x200e: 'LRM', 0x200f: 'RLM', 0x202a: 'LRE', 0x202b: 'RLE',
  0x202c: 'PDF', 0x202d: 'LRO', 0x202e: 'RLO', 0x2066: 'LRI', 0x2067: 'RLI', 0x2068: 'FSI', 0x2069: 'PDI',
  0xfeff: 'BOM',
};

function pictureOf(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  const byte = escapedByte(code);
  if (byte != null) return `‹0x${byte.toString(16).toUpperCase()}›`;
  return `‹${NAMES[code] ?? code.toString(16).toUpperCase().padStart(2, '0')}›`;
}

const picturesOf = (run: string): string => Array.from(run, pictureOf).join('');

/* Text for one line of the page, as an id in a title. */
export const plain = (text: string): string => text.replace(UNSEEN, picturesOf);

/* Blanks of all kinds, where they are what differs. */
const BLANK = /[\t \xa0\u1680\u2000-\u200a\u202f\u205f\u3000]/gu;
const blankPicture = (char: string): string => (char === ' ' ? '·' : char === '\t' ? '→' : char === '\xa0' ? '‹NBSP›' : pictureOf(char));
export const blanksDrawn = (text: string): string => text.replace(BLANK, blankPicture);

/* The same with what was made visible set apart. */
export function spelled(text: string, marks = MAX_MARKS): ComponentChildren[] {
  const parts: ComponentChildren[] = [];
  let at = 0;
  for (const found of text.matchAll(UNSEEN)) {
    if (parts.length >= 2 * marks) break;
    parts.push(text.slice(at, found.index), <span class="unprintable">{picturesOf(found[0])}</span>);
    at = found.index + found[0].length;
  }
  parts.push(plain(text.slice(at)));
  return parts;
}

/* An id, a name, an error: in a line of ours, whatever direction it has. */
export function Word({ text }: { text: string }) {
  return <bdi class="word">{spelled(text)}</bdi>;
}

/* ---- long ones ---- */

interface Window {
  start: number;
  end: number;
}

function endOfLines(text: string, from: number, lines: number): number {
  let at = from;
  for (let i = 0; i < lines; i++) {
    const newline = text.indexOf('\n', at);
    if (newline < 0) return text.length;
    at = newline + 1;
  }
  return at;
}

/* What to show of it: its beginning, or what is around `at`. Never half of a surrogate pair. */
function windowOf(text: string, at: number): Window {
  const head = Math.min(CUT_AT, endOfLines(text, 0, CUT_LINES));
  let start = 0;
  if (at >= head) start = Math.max(0, at - 400);
  const end = Math.min(text.length, start + CUT_AT, endOfLines(text, start, CUT_LINES));
  return { start: notHalf(text, start), end: notHalf(text, end) };
}

/* Marks the rest of the line from `at`; a line that ends there gets a mark of its own. */
function marked(text: string, at: number): ComponentChildren {
  const newline = text.indexOf('\n', at);
  const end = newline < 0 ? text.length : newline;
  return [
    spelled(text.slice(0, at)),
    <mark>{end > at ? spelled(text.slice(at, end)) : '⏎'}</mark>,
    spelled(text.slice(end)),
  ];
}

/* ---- whole ones ---- */

/* A browser lays out a line as one piece, in time that grows with its square where scripts mix: a
 * megabyte without a newline would stop the page for minutes. So a long text is cut into blocks, at
 * the ends of lines where there are some, and only visible blocks are laid out. */
const BLOCK = 4096;

function blocksOf(text: string): Window[] {
  const blocks: Window[] = [];
  for (let start = 0; start < text.length;) {
    const newline = text.lastIndexOf('\n', start + BLOCK - 1);
    let end = newline > start ? newline + 1 : Math.min(text.length, start + BLOCK);
    if (/[\ud800-\udbff]/.test(text.charAt(end - 1)) && end < text.length) end++;
    blocks.push({ start, end });
    start = end;
  }
  return blocks;
}

/* So many blocks have what is not seen set apart; the others are without elements of their own. */
const RICH_BLOCKS = 8;

function Whole({ text, mark }: { text: string; mark: number }) {
  return (
    <>
      {blocksOf(text).map(({ start, end }, i) => {
        const part = text.slice(start, end);
        const here = mark >= start && (mark < end || end === text.length);
        return <span class="block">{here ? marked(part, mark - start) : spelled(part, i < RICH_BLOCKS ? MAX_MARKS / RICH_BLOCKS : 0)}</span>;
      })}
    </>
  );
}

function Cut({ text, mark }: { text: string; mark: number }) {
  return <>{mark >= 0 && mark <= text.length ? marked(text, mark) : spelled(text)}</>;
}

interface TextProps {
  text: string;
  label: string;
  mark?: number; /* from where on its line is wrong; -1: nowhere */
  truncated?: boolean; /* the server kept only its beginning... */
  gap?: boolean; /* ...and what is around `mark` */
}

export function Text({ text, label, mark = -1, truncated = false, gap = false }: TextProps) {
  const [all, setAll] = useState(false);
  const view = all ? { start: 0, end: text.length } : windowOf(text, mark);
  const shown = text.slice(view.start, view.end);
  const cut = view.start > 0 || view.end < text.length;
  const pre = useRef<HTMLPreElement>(null);

  /* What is wrong is in sight. */
  useLayoutEffect(() => {
    const p = pre.current;
    const found = p?.querySelector<HTMLElement>('mark');
    if (p && found) p.scrollTop = found.offsetTop - p.clientHeight / 3;
  }, [text, mark, all]);
  if (!text) return <p class="text-empty">(empty)</p>;
  return (
    <div class="text">
      {view.start > 0 && <p class="text-note">… {count(view.start)} characters before</p>}
      <pre ref={pre} dir="ltr" tabIndex={0} role="region" aria-label={label}>
        {all ? <Whole text={text} mark={mark} /> : <Cut text={shown} mark={mark < 0 ? -1 : mark - view.start} />}
      </pre>
      {view.end < text.length && <p class="text-note">… {count(text.length - view.end)} characters more</p>}
      {truncated && (
        <p class="text-note">
          {gap ? 'The report has its beginning and what is around the first difference.' : 'The report has only its beginning.'}
        </p>
      )}
      {(cut || all) && (
        <button type="button" class="quiet" onClick={() => setAll(!all)}>
          {all ? 'Show less' : `Show all (${bytes(new Blob([text]).size)})`}
        </button>
      )}
    </div>
  );
}
