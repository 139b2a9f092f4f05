/* A button that puts a text on the clipboard. */

import { useEffect, useState } from 'preact/hooks';

import { copyText } from './clipboard';

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
