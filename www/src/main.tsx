/* The frame: navigation, connection, theme, and the page that the address names. */

import 'uplot/dist/uPlot.min.css';
import './style.css';
import './submission.css';

import { render } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

import { health, startLive } from './live';
import { Overview } from './overview';
import { PAGES } from './pages';
import { startRouter, useRoute, type Route } from './router';
import { useStore } from './store';
import { Submission } from './submission';
import { Submissions } from './submissions';
import { System } from './system';
import { startTheme, theme } from './theme';
import { THEMES, type Theme } from './theme_kept';
import { Try } from './try';

function Page({ route }: { route: Route }) {
  switch (route.name) {
  case '': return <Overview />;
  case 'submissions': return route.id ? <Submission key={route.id} id={route.id} /> : <Submissions />;
  case 'try': return <Try />;
  case 'system': return <System />;
  default: return <><h1>Not here</h1><p>There is no such page. <a href="#/">Overview</a></p></>;
  }
}

/* Said aloud only when it is lost and when it is back. */
function Connection() {
  const h = useStore(health);
  return (
    <span class={`connection connection-${h}`} role="status">
      <i class="dot" aria-hidden="true" />
      {h === 'lost' ? 'Connection lost, trying again' : h === 'live' ? 'Live' : 'Connecting'}
    </span>
  );
}

function ThemeChoice() {
  const t = useStore(theme);
  return (
    <label class="theme">
      <span class="unseen">Theme</span>
      <select value={t} onChange={(e) => (theme.value = e.currentTarget.value as Theme)}>
        {THEMES.map((name) => <option value={name}>{name === 'auto' ? 'Auto' : name === 'light' ? 'Light' : 'Dark'}</option>)}
      </select>
    </label>
  );
}

function Frame() {
  const route = useRoute();
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);

  /* A new page is read from its beginning, by eyes and by screen readers. */
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    window.scrollTo(0, 0);
    if (!main.current?.contains(document.activeElement)) main.current?.focus({ preventScroll: true });
  }, [route.name, route.id]);
  return (
    <>
      <a class="skip" href="#main" onClick={(e) => {
        e.preventDefault();
        main.current?.focus();
      }}>Skip to the content</a>
      <header class="top">
        <a class="brand" href="#/">scrc</a>
        <nav aria-label="Pages">
          {PAGES.map(([address, title]) => (
            <a href={`/${address}`} aria-current={address === `#/${route.name}` ? 'page' : undefined}>{title}</a>
          ))}
        </nav>
        <Connection />
        <ThemeChoice />
      </header>
      <main id="main" ref={main} tabIndex={-1}><Page route={route} /></main>
    </>
  );
}

startTheme();
startRouter();
startLive();
const root = document.getElementById('page');
if (root) render(<Frame />, root);
