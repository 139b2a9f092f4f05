/* The order that people count in, 2 before 10, as glibc's strverscmp(), by which the server sorts. */

const digit = (c: string | undefined): boolean => c !== undefined && c >= '0' && c <= '9';
const code = (c: string | undefined): number => c?.charCodeAt(0) ?? 0;

export function compareNatural(a: string, b: string): number {
  let i = 0, run = 0, zeros = true; /* where the digits before i begin, and whether they are all 0 */
  for (; i < a.length && a[i] === b[i]; i++) {
    if (!digit(a[i])) [run, zeros] = [i + 1, true];
    else if (a[i] !== '0') zeros = false;
  }
  if (a.length === i && b.length === i) return 0;
  if (digit(a[run]) && digit(b[run]) && a[run] !== '0' && b[run] !== '0') {
    let j = i;
    while (digit(a[j]) && digit(b[j])) j++;
    if (digit(a[j]) !== digit(b[j])) return digit(a[j]) ? 1 : -1;
  } else if (zeros && run < i && digit(a[i]) !== digit(b[i])) {
    return digit(a[i]) ? -1 : 1;
  }
  return code(a[i]) - code(b[i]);
}
