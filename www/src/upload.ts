/* Tests out of files: NAME.in with NAME.ans or NAME.out, loose or in a zip archive. */

import type { Test } from './api';

interface Entry {
  name: string;
  bytes: Uint8Array;
}

const INPUT = /^(.*)\.in$/;
const ANSWERS = ['.ans', '.out', '.a'];
const FILE_MAX = 16 * 1024 * 1024;

/* fflate looks at what the archive says of itself before it unpacks. */
async function unpacked(archive: Uint8Array): Promise<Entry[]> {
  const { unzipSync } = await import('fflate');
  const files = unzipSync(archive, {
    filter: (f) => (INPUT.test(f.name) || ANSWERS.some((end) => f.name.endsWith(end))) && f.originalSize <= FILE_MAX,
  });
  return Object.entries(files).map(([name, bytes]) => ({ name, bytes }));
}

async function entriesOf(files: File[]): Promise<Entry[]> {
  const each = await Promise.all(files.map(async (f): Promise<Entry[]> => {
    const bytes = new Uint8Array(await f.arrayBuffer());
    return f.name.toLowerCase().endsWith('.zip') ? unpacked(bytes) : [{ name: f.name, bytes }];
  }));
  return each.flat();
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/* As text where it is one. */
function textOr64(bytes: Uint8Array): { text: string } | { base64: string } {
  try {
    return { text: decoder.decode(bytes) };
  } catch {
    return { base64: btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join('')) };
  }
}

function testOf(input: Uint8Array, answer: Uint8Array | undefined): Test {
  const [i, a] = [textOr64(input), textOr64(answer ?? new Uint8Array())];
  return {
    ...('text' in i ? { input: i.text } : { input_base64: i.base64 }),
    ...('text' in a ? { expected_output: a.text } : { expected_output_base64: a.base64 }),
  };
}

export interface Uploaded {
  tests: Test[];
  without: string[]; /* inputs that have no answer */
}

/* In the order that people count in: 2 before 10. */
export async function testsOf(files: File[]): Promise<Uploaded> {
  const entries = await entriesOf(files);
  const byName = new Map(entries.map((e) => [e.name, e.bytes]));
  const inputs = entries.filter((e) => INPUT.test(e.name))
    .sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  if (!inputs.length) throw new Error('No file there is called NAME.in.');
  const without: string[] = [];
  const tests = inputs.map((e) => {
    const name = INPUT.exec(e.name)?.[1] ?? '';
    const answer = ANSWERS.map((end) => byName.get(name + end)).find(Boolean);
    if (!answer) without.push(e.name);
    return testOf(e.bytes, answer);
  });
  return { tests, without };
}
