/* Bytes that need not be UTF-8, as a string of which nothing is lost: a byte that belongs to no
 * character becomes the lone surrogate U+DC00 + byte, which no decoded text has (Python calls this
 * surrogateescape). text.tsx shows it as its two digits. */

const ESCAPE = 0xdc00;
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/* How many bytes a character has that begins with this one; 0: none does. */
const lengthBy = (byte: number): number =>
  (byte < 0x80 ? 1 : byte >= 0xc2 && byte < 0xe0 ? 2 : byte >= 0xe0 && byte < 0xf0 ? 3 : byte >= 0xf0 && byte < 0xf5 ? 4 : 0);

function decoded(bytes: Uint8Array): string | null {
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}

export const bytesOf = (base64: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

export function escapedText(base64: string): string {
  const bytes = bytesOf(base64);
  const parts: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at] ?? 0;
    let end = at + lengthBy(first);
    if (first < 0x80) while (end < bytes.length && (bytes[end] ?? 0) < 0x80) end++;
    const text = end > at ? decoded(bytes.subarray(at, end)) : null;
    parts.push(text ?? String.fromCharCode(ESCAPE + first));
    at = text == null ? at + 1 : end;
  }
  return parts.join('');
}

/* The byte that a character stands for; null: it is a character. */
export const escapedByte = (code: number): number | null => (code >= ESCAPE + 0x80 && code <= ESCAPE + 0xff ? code - ESCAPE : null);

export function byteLength(code: number): number {
  if (escapedByte(code) != null || code < 0x80) return 1;
  return code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

const encoder = new TextEncoder();
const digits = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, '0');

export function hexOf(text: string): string {
  return Array.from(text, (char) => {
    const byte = escapedByte(char.codePointAt(0) ?? 0);
    return byte == null ? Array.from(encoder.encode(char), digits).join(' ') : digits(byte);
  }).join(' ');
}
