/* Tests out of files, by the rules and with the errors that the server has for them (schema/bundle):
 * pairs of N.in and N.ans, or N.out, loose or in zip archives. */

import type { Test } from './api';
import { compareNatural } from './natural';

interface Entry {
  name: string;
  bytes: Uint8Array;
}

const HALF = /^(.+)\.(in|ans|out)$/s;

const isHidden = (part: string): boolean => (part.startsWith('.') && part !== '.' && part !== '..') || part === '__MACOSX';
const isWanted = (name: string): boolean => HALF.test(name) && !name.split('/').some(isHidden);

function check(name: string): void {
  if (name.startsWith('/') || name.split('/').includes('..')) throw new Error(`${name}: its path leads out of the archive`);
}

/* How many bytes may still be unpacked. */
class Room {
  private left: number;

  constructor(private readonly most: number) {
    this.left = most;
  }

  take(name: string, size: number): void {
    this.left -= size;
    if (this.left < 0) throw new Error(`${name}: with it the files are larger than ${this.most} bytes together`);
  }
}

const METHODS = [0, 8]; /* stored and deflated */

const plainName = (name: string): string => name.replace(/^(\.\/)+/, '');

/* fflate looks at what the archive says of itself before it unpacks. */
async function unpacked(archive: Uint8Array, room: Room): Promise<Entry[]> {
  const { unzipSync } = await import('fflate');
  const names: string[] = [];
  const filter = (f: { name: string; size: number; originalSize: number; compression: number }): boolean => {
    const name = plainName(f.name);
    if (!isWanted(name)) return false;
    check(name);
    if (!METHODS.includes(f.compression)) {
      throw new Error(`${name}: it is compressed by method ${f.compression}, and only deflate (8) and none (0) are read`);
    }
    room.take(name, f.originalSize);
    names.push(f.name);
    return true;
  };
  try {
    const files = unzipSync(archive, { filter });
    return names.map((name) => ({ name: plainName(name), bytes: files[name] as Uint8Array }));
  } catch (e) {
    throw e instanceof Error && 'code' in e ? new Error('it is damaged or encrypted') : e; /* a code is fflate's */
  }
}

const isArchive = (b: Uint8Array): boolean =>
  b[0] === 0x50 && b[1] === 0x4b && ((b[2] === 3 && b[3] === 4) || (b[2] === 5 && b[3] === 6));

async function entriesOf(file: File, room: Room): Promise<Entry[]> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (HALF.test(file.name)) {
    room.take(file.name, bytes.length);
    return [{ name: file.name, bytes }];
  }
  if (!isArchive(bytes)) throw new Error(`${file.name}: it is no zip archive, and no .in, .ans or .out file`);
  return unpacked(bytes, room).catch((e: unknown) => {
    throw new Error(`${file.name}: ${e instanceof Error ? e.message : String(e)}`);
  });
}

/* ---- pairs ---- */

interface Pair {
  input?: Entry;
  answer?: Entry;
}

function join(pair: Pair, half: 'input' | 'answer', entry: Entry): void {
  const first = pair[half];
  if (first?.name === entry.name) throw new Error(`${first.name} is there twice`);
  if (first) throw new Error(`${first.name} and ${entry.name} are answers of one test`);
  pair[half] = entry;
}

const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function pairsOf(entries: Entry[]): { input: Entry; answer: Entry }[] {
  const pairs = new Map<string, Pair>();
  for (const entry of entries.sort((a, b) => byName(a.name, b.name))) {
    const [, stem = '', end] = HALF.exec(entry.name) ?? [];
    const pair = pairs.get(stem) ?? {};
    pairs.set(stem, pair);
    join(pair, end === 'in' ? 'input' : 'answer', entry);
  }
  if (!pairs.size) throw new Error('it has no tests: pairs of N.in and N.ans (or N.out)');
  return [...pairs].sort(([a], [b]) => compareNatural(a, b)).map(([stem, { input, answer }]) => {
    if (!input) throw new Error(`${answer?.name} has no input (${stem}.in)`);
    if (!answer) throw new Error(`${input.name} has no answer (${stem}.ans or .out)`);
    return { input, answer };
  });
}

/* ---- as they are sent ---- */

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/* As text where it is one. */
function textOr64(bytes: Uint8Array): { text: string } | { base64: string } {
  try {
    return { text: decoder.decode(bytes) };
  } catch {
    return { base64: btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join('')) };
  }
}

function testOf(input: Uint8Array, answer: Uint8Array): Test {
  const [i, a] = [textOr64(input), textOr64(answer)];
  return {
    ...('text' in i ? { input: i.text } : { input_base64: i.base64 }),
    ...('text' in a ? { expected_output: a.text } : { expected_output_base64: a.base64 }),
  };
}

/* most: bytes of all of them, unpacked. */
export async function testsOf(files: File[], most: number): Promise<Test[]> {
  const room = new Room(most);
  const entries: Entry[] = [];
  for (const file of files) entries.push(...await entriesOf(file, room));
  return pairsOf(entries).map(({ input, answer }) => testOf(input.bytes, answer.bytes));
}
