/* What a script adds to the page of the API: the theme that was chosen, this server's own address
 * in the commands, and buttons that copy them. Without it the page says the same. */

import './docs.css';

import { copyText } from '../clipboard';
import { THEMES, keepTheme, keptTheme, type Theme } from '../theme_kept';

const WRITTEN = 'http://127.0.0.1:8080'; /* servers[0].url of openapi.yaml */
const SHOWN_MS = 2000;

/* ---- theme ---- */

/* Without the attribute the style sheet goes by what the system says. */
function apply(theme: Theme): void {
  if (theme === 'auto') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
}

function addThemeChoice(): void {
  const label = document.createElement('label');
  const select = document.createElement('select');
  label.className = 'theme';
  select.setAttribute('aria-label', 'Theme');
  select.append(...THEMES.map((t) => new Option(`${t[0]?.toUpperCase()}${t.slice(1)}`, t, false, t === keptTheme())));
  select.addEventListener('change', () => {
    keepTheme(select.value as Theme);
    apply(select.value as Theme);
  });
  label.append(select);
  document.querySelector('.top')?.append(label);
}

/* ---- commands ---- */

function addCopy(pre: HTMLElement): void {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'quiet copy';
  button.textContent = 'Copy';
  button.setAttribute('aria-label', `Copy ${pre.dataset['copy']}`);
  button.addEventListener('click', () => {
    const show = (said: string): void => {
      button.textContent = said;
      setTimeout(() => (button.textContent = 'Copy'), SHOWN_MS);
    };
    copyText(pre.textContent).then(() => show('Copied'), () => show('Not allowed'));
  });
  pre.before(button);
}

apply(keptTheme());
addThemeChoice();
for (const code of document.querySelectorAll('.command code')) {
  code.textContent = code.textContent.replaceAll(WRITTEN, location.origin);
}
document.querySelectorAll<HTMLElement>('[data-copy]').forEach(addCopy);
