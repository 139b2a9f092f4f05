/* Light, dark, or as the system says. */

import { Store } from './store';

export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const KEY = 'scrc.theme';
const system = matchMedia('(prefers-color-scheme: dark)');

/* Storage may be forbidden; then the choice lasts as long as the page. */
function remembered(): Theme {
  try {
    return THEMES.find((t) => t === localStorage.getItem(KEY)) ?? 'auto';
  } catch {
    return 'auto';
  }
}

export const theme = new Store<Theme>(remembered());
export const isDark = new Store(false);

function apply(): void {
  isDark.value = theme.value === 'dark' || (theme.value === 'auto' && system.matches);
  document.documentElement.dataset['theme'] = isDark.value ? 'dark' : 'light';
}

export function startTheme(): void {
  system.addEventListener('change', apply);
  theme.watch((t) => {
    try {
      localStorage.setItem(KEY, t);
    } catch { /* see above */ }
    apply();
  });
  apply();
}
