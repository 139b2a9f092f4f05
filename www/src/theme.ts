/* Light, dark, or as the system says. */

import { Store } from './store';
import { keepTheme, keptTheme, type Theme } from './theme_kept';

const system = matchMedia('(prefers-color-scheme: dark)');

export const theme = new Store<Theme>(keptTheme());
export const isDark = new Store(false);

function apply(): void {
  isDark.value = theme.value === 'dark' || (theme.value === 'auto' && system.matches);
  document.documentElement.dataset['theme'] = isDark.value ? 'dark' : 'light';
}

export function startTheme(): void {
  system.addEventListener('change', apply);
  theme.watch((t) => {
    keepTheme(t);
    apply();
  });
  apply();
}
