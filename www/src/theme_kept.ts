/* Which theme was chosen, kept between visits. */

export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const KEY = 'scrc.theme';

/* Storage may be forbidden; then the choice lasts as long as the page. */
export function keptTheme(): Theme {
  try {
    return THEMES.find((t) => t === localStorage.getItem(KEY)) ?? 'auto';
  } catch {
    return 'auto';
  }
}

export function keepTheme(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch { /* see above */ }
}
