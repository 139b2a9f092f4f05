/* A program's source: in an editor, once that is loaded; as plain text until then, and for good when
 * its lines are too long to edit. */

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

import type { Editor, EditorOptions, mount } from './editor';
import { pointed } from './marks';
import { Text } from './text';

const LONG_LINE = 5000;

function longestLine(text: string): number {
  let longest = 0;
  for (let at = 0; at < text.length;) {
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline;
    longest = Math.max(longest, end - at);
    at = end + 1;
  }
  return longest;
}

/* Loaded once. */
let module: { mount: typeof mount } | null = null;

function CodeEditor(props: EditorOptions) {
  const host = useRef<HTMLDivElement>(null);
  const plainText = useRef<HTMLTextAreaElement>(null);
  const selection = useRef<EditorOptions['selection']>(undefined);
  const editor = useRef<Editor | null>(null);
  const latest = useRef(props);
  const [loaded, setLoaded] = useState(module);
  latest.current = props;

  useEffect(() => {
    let gone = false;
    void import('./editor').then((m) => {
      module = m;
      const t = plainText.current;
      if (t && t === document.activeElement) selection.current = { anchor: t.selectionStart, head: t.selectionEnd };
      if (!gone) setLoaded(m);
    }, () => undefined); /* not in reach: the plain text stays */
    return () => void (gone = true);
  }, []);
  /* Once its place is visible, because it measures; and before the next key, which goes where the
   * last one went. */
  useLayoutEffect(() => {
    if (!loaded || !host.current) return undefined;
    const { change, submit } = latest.current;
    editor.current = loaded.mount(host.current, {
      ...latest.current,
      selection: selection.current,
      change: change && ((text) => latest.current.change?.(text)),
      submit: submit && (() => latest.current.submit?.()),
    });
    return () => {
      editor.current?.destroy();
      editor.current = null;
    };
  }, [loaded]);
  /* What is written here comes back late, as a text that is no longer the latest: so it is not taken
   * back. Another text to write in is another key. */
  useEffect(() => {
    if (!props.change) editor.current?.text(props.text);
  }, [props.text]);
  useEffect(() => editor.current?.language(props.language, props.sourceName ?? ''), [props.language, props.sourceName]);

  const marks = props.marks;
  useEffect(() => {
    if (marks) editor.current?.marks(marks);
  }, [loaded, marks]);
  useEffect(() => pointed.watch((p) => p && editor.current?.point(p.mark)), []);

  return (
    <>
      <div ref={host} class={`editor ${props.change ? 'editor-writes' : ''}`} hidden={!loaded} />
      {!loaded && !props.change && <Text text={props.text} label={props.label} />}
      {!loaded && props.change && (
        <textarea ref={plainText} class="editor editor-writes" aria-label={props.label} value={props.text} spellcheck={false}
          onInput={(e) => props.change?.(e.currentTarget.value)} />
      )}
    </>
  );
}

export function Code(props: EditorOptions) {
  if (!props.change && longestLine(props.text) > LONG_LINE) return <Text text={props.text} label={props.label} />;
  return <CodeEditor {...props} />;
}
