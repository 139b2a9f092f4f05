/* Small parts that every page uses. */

import type { ComponentChildren } from 'preact';
import { useLayoutEffect } from 'preact/hooks';

import { Word } from './text';

export function useTitle(title: string): void {
  useLayoutEffect(() => {
    document.title = `${title} · scrc`;
  }, [title]);
}

export function Card({ title, note, children, wide = false }:
  { title: string; note?: ComponentChildren; children: ComponentChildren; wide?: boolean }) {
  return (
    <section class={wide ? 'card card-wide' : 'card'}>
      <header class="card-head">
        <h2>{title}</h2>
        {note != null && <span class="card-note">{note}</span>}
      </header>
      {children}
    </section>
  );
}

/* What is wrong; read out when it appears. */
export function Notice({ text, tone = 'bad' }: { text: string | null | undefined; tone?: 'bad' | 'slow' }) {
  if (!text) return null;
  return <p class={`notice tone-${tone}`} role="status"><Word text={text} /></p>;
}

export function Figure({ name, value, note, href }: { name: string; value: string; note?: ComponentChildren; href?: string }) {
  return (
    <div class="figure">
      <dt>{name}</dt>
      <dd><span>{href ? <a href={href} aria-label={`${value}, ${name}`}>{value}</a> : value}</span>{note != null && <small>{note}</small>}</dd>
    </div>
  );
}

/* How much of a limit was used; without a limit only the value. */
export function Bar({ value, limit, text, name, note }:
  { value: number | null; limit: number | null; text: string; name: string; note?: string }) {
  const part = value != null && limit ? Math.min(1, value / limit) : null;
  return (
    <span class="bar-cell">
      <span class="bar-text">{text}{note && <small> {note}</small>}</span>
      {part != null && (
        <span class="bar" role="img" aria-label={`${name}: ${Math.round(part * 100)} % of the limit`}>
          <span class={part >= 0.9 ? 'bar-fill bar-full' : 'bar-fill'} style={{ width: `${Math.max(1, part * 100)}%` }} />
        </span>
      )}
    </span>
  );
}
