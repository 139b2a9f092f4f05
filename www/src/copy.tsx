/* A button that puts a text on the clipboard. */

import { useEffect, useState } from 'preact/hooks';

/* Browsers give a page the clipboard only over https and on localhost; elsewhere the old way works. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'unseen';
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (!done) throw new Error('the browser does not let the page copy');
}

const SHOWN_MS = 2000;

/* text: called when it is pressed. `of` is what it copies, for those who do not see where it stands. */
export function Copy({ text, title = 'Copy', of }: { text: () => string; title?: string; of: string }) {
  const [said, setSaid] = useState('');
  useEffect(() => {
    const timer = said ? setTimeout(() => setSaid(''), SHOWN_MS) : 0;
    return () => clearTimeout(timer);
  }, [said]);
  return (
    <button type="button" class="quiet copy" onClick={() => {
      copyText(text()).then(() => setSaid('Copied'), () => setSaid('Not allowed'));
    }}>
      <span aria-live="polite">{said || title}</span><span class="unseen"> {of}</span>
    </button>
  );
}
