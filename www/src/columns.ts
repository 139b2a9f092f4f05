/* Which columns of the list are shown beside those that always are. */

import { Store } from './store';

const KEY = 'scrc.columns';

/* Storage may be forbidden; then the choice lasts as long as the page. */
function remembered(): boolean {
  try {
    return localStorage.getItem(KEY) === 'labels';
  } catch {
    return false;
  }
}

export const showsLabels = new Store(remembered());

showsLabels.watch((shown) => {
  try {
    localStorage.setItem(KEY, shown ? 'labels' : '');
  } catch { /* see above */ }
});
