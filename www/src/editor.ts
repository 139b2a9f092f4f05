/* CodeMirror, loaded when a page first needs it. It lives in a shadow root, because there it takes
 * its styles as constructed sheets: the page's policy allows no style element. */

import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { HighlightStyle, StreamLanguage, bracketMatching, indentOnInput, indentUnit, syntaxHighlighting, type StreamParser }
  from '@codemirror/language';
import { c, cpp, java } from '@codemirror/legacy-modes/mode/clike';
import { go } from '@codemirror/legacy-modes/mode/go';
import { python } from '@codemirror/legacy-modes/mode/python';
import { forEachDiagnostic, lintGutter, lintKeymap, setDiagnostics, type Diagnostic } from '@codemirror/lint';
import { Compartment, EditorState, type Extension } from '@codemirror/state';
import { EditorView, drawSelection, highlightActiveLine, highlightSpecialChars, keymap, lineNumbers }
  from '@codemirror/view';
import { tags } from '@lezer/highlight';

import { endOf } from './examples';
import type { Mark } from './marks';

const MODES: Record<string, StreamParser<unknown>> = { c, cpp, java, go, python };

/* Of languages that an operator adds, by how their source files end; each is loaded when it is needed. */
const MORE: Record<string, () => Promise<StreamParser<unknown>>> = {
  cs: () => import('@codemirror/legacy-modes/mode/clike').then((m) => m.csharp),
  hs: () => import('@codemirror/legacy-modes/mode/haskell').then((m) => m.haskell),
  js: () => import('@codemirror/legacy-modes/mode/javascript').then((m) => m.javascript),
  kt: () => import('@codemirror/legacy-modes/mode/clike').then((m) => m.kotlin),
  lua: () => import('@codemirror/legacy-modes/mode/lua').then((m) => m.lua),
  pas: () => import('@codemirror/legacy-modes/mode/pascal').then((m) => m.pascal),
  pl: () => import('@codemirror/legacy-modes/mode/perl').then((m) => m.perl),
  rb: () => import('@codemirror/legacy-modes/mode/ruby').then((m) => m.ruby),
  rs: () => import('@codemirror/legacy-modes/mode/rust').then((m) => m.rust),
  scala: () => import('@codemirror/legacy-modes/mode/clike').then((m) => m.scala),
  sh: () => import('@codemirror/legacy-modes/mode/shell').then((m) => m.shell),
  swift: () => import('@codemirror/legacy-modes/mode/swift').then((m) => m.swift),
  ts: () => import('@codemirror/legacy-modes/mode/javascript').then((m) => m.typescript),
};
const ALIKE: Record<string, string> = { c: 'c', cc: 'cpp', cpp: 'cpp', go: 'go', h: 'c', java: 'java', py: 'python' };

/* Colours are the page's own, so both themes work. */
const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.modifier, tags.controlKeyword], color: 'var(--code-keyword)' },
  { tag: [tags.string, tags.special(tags.string), tags.character], color: 'var(--code-string)' },
  { tag: [tags.number, tags.bool, tags.atom, tags.null], color: 'var(--code-number)' },
  { tag: [tags.comment, tags.lineComment, tags.blockComment], color: 'var(--code-comment)', fontStyle: 'italic' },
  { tag: [tags.typeName, tags.className, tags.standard(tags.variableName)], color: 'var(--code-type)' },
  { tag: [tags.meta, tags.processingInstruction], color: 'var(--code-meta)' },
  { tag: tags.definition(tags.variableName), color: 'var(--code-name)' },
]);

const look = EditorView.theme({
  '&': { color: 'var(--ink)', backgroundColor: 'var(--well)', fontSize: '13px', height: '100%', minHeight: '0' },
  '&.cm-focused': { outline: '2px solid var(--focus)', outlineOffset: '-2px' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.5', overflow: 'auto' },
  '.cm-content': { caretColor: 'var(--ink)', unicodeBidi: 'isolate' },
  '.cm-gutters': { backgroundColor: 'var(--well)', color: 'var(--ink-soft)', border: 'none' },
  '.cm-activeLine': { backgroundColor: 'var(--hover)' },
  '.cm-activeLineGutter': { backgroundColor: 'transparent' },
  '.cm-cursor': { borderLeftColor: 'var(--ink)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground':
    { backgroundColor: 'var(--selection)' },
  '.cm-specialChar': { color: 'var(--bad)' },
  '.cm-tooltip': { backgroundColor: 'var(--card)', color: 'var(--ink)', border: '1px solid var(--edge)' },
  '.cm-diagnostic': { fontFamily: 'var(--mono)', fontSize: '12px', whiteSpace: 'pre-wrap' },
});

interface Diagnosed extends Diagnostic {
  mark: Mark;
}

function diagnosticsOf(state: EditorState, marks: Mark[]): Diagnosed[] {
  return marks.filter((m) => m.line <= state.doc.lines).map((mark) => {
    const line = state.doc.line(mark.line);
    const [from, to] = [mark.from, mark.to].map((at) => Math.min(line.from + at, line.to)) as [number, number];
    return { mark, from, to, severity: mark.severity, message: mark.message };
  });
}

/* null: it has to be loaded, or there is none. */
function modeOf(language: string, sourceName: string): Extension | null {
  const mode = MODES[language] ?? MODES[ALIKE[endOf(sourceName)] ?? ''];
  return mode ? StreamLanguage.define(mode) : null;
}

export interface EditorOptions {
  text: string;
  language: string;
  sourceName?: string | undefined; /* as the server calls the file, once it is known */
  label: string;
  change?: ((text: string) => void) | undefined; /* absent: it is only read */
  submit?: (() => void) | undefined; /* Ctrl-Enter */
  marks?: Mark[] | undefined;
  selection?: { anchor: number; head: number } | undefined; /* it is being written in already */
}

export interface Editor {
  text(text: string): void;
  marks(marks: Mark[]): void; /* of the text as it is now; they go along with what is written */
  point(mark: Mark): void; /* goes there, if it is still marked */
  language(language: string, sourceName: string): void;
  destroy(): void;
}

function writing(o: EditorOptions): Extension {
  if (!o.change) return [EditorState.readOnly.of(true)];
  return [
    history(), indentOnInput(), highlightActiveLine(),
    keymap.of([{ key: 'Mod-Enter', run: () => (o.submit?.(), true) }, indentWithTab]),
    EditorView.updateListener.of((u) => {
      if (u.docChanged) o.change?.(u.state.doc.toString());
    }),
  ];
}

export function mount(host: HTMLElement, o: EditorOptions): Editor {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  const mode = new Compartment();
  const gutter = new Compartment();
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: o.text,
      ...(o.selection ? { selection: o.selection } : {}),
      extensions: [
        lineNumbers(), highlightSpecialChars(), drawSelection(), bracketMatching(), indentUnit.of('    '),
        writing(o), keymap.of([...defaultKeymap, ...historyKeymap, ...lintKeymap]), gutter.of([]),
        syntaxHighlighting(colours), look, mode.of([]),
        EditorView.contentAttributes.of({ 'aria-label': o.label, spellcheck: 'false', dir: 'ltr', tabindex: '0' }),
      ],
    }),
  });
  if (o.selection) view.focus();
  let wanted = '';
  const put = (extension: Extension) => view.dispatch({ effects: mode.reconfigure(extension) });
  const language = (name: string, sourceName: string) => {
    wanted = `${name} ${sourceName}`;
    const asked = wanted;
    put(modeOf(name, sourceName) ?? []);
    const load = modeOf(name, sourceName) ? undefined : MORE[endOf(sourceName)];
    void load?.().then((m) => {
      if (asked === wanted) put(StreamLanguage.define(m));
    }, () => undefined); /* not in reach: it stays plain */
  };
  language(o.language, o.sourceName ?? '');
  return {
    text: (text) => {
      if (text !== view.state.doc.toString()) {
        view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
      }
    },
    marks: (marks) => {
      view.dispatch({ effects: gutter.reconfigure(marks.length ? lintGutter() : []) });
      view.dispatch(setDiagnostics(view.state, diagnosticsOf(view.state, marks)));
    },
    point: (mark) => forEachDiagnostic(view.state, (d, from, to) => {
      if ((d as Diagnosed).mark !== mark) return;
      host.scrollIntoView({ block: 'nearest' });
      view.focus();
      view.dispatch({ selection: { anchor: from, head: to }, effects: EditorView.scrollIntoView(from, { y: 'center' }) });
    }),
    language,
    destroy: () => view.destroy(),
  };
}
