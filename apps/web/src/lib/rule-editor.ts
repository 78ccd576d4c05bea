// The editor of rules: text with colours, completions, errors in place, and a margin that tells what each rule did.
import { autocompletion, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { EditorState, RangeSet, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, GutterMarker, gutter, keymap, lineNumbers } from "@codemirror/view";
import { completeRule, iptablesColours, iptablesLanguage } from "./rule-language";

export interface Margin {
  readonly text: string;
  readonly kind: "hit" | "never" | "shadowed" | "policy";
  readonly title: string;
}

export interface Mark {
  readonly line: number;
  readonly column: number;
  readonly length: number;
  readonly severity: "error" | "warning";
  readonly message: string;
}

interface Notes {
  readonly margins: ReadonlyMap<number, Margin>;
  /** Line of the rule that decided the packet looked at, 0 for none. */
  readonly deciding: number;
}

const setNotes = StateEffect.define<Notes>();
const notes = StateField.define<Notes>({
  create: () => ({ margins: new Map(), deciding: 0 }),
  update: (value, { effects }) => effects.find((effect) => effect.is(setNotes))?.value ?? value,
});

class Count extends GutterMarker {
  constructor(private readonly margin: Margin) {
    super();
  }
  override eq({ margin }: Count) {
    return margin.text === this.margin.text && margin.kind === this.margin.kind && margin.title === this.margin.title;
  }
  override toDOM() {
    const { text, kind, title } = this.margin;
    return Object.assign(document.createElement("span"), { textContent: text, className: `count ${kind}`, title });
  }
}

const counts = gutter({
  class: "cm-counts",
  lineMarker(view, { from }) {
    const margin = view.state.field(notes).margins.get(view.state.doc.lineAt(from).number);
    return margin ? new Count(margin) : null;
  },
  lineMarkerChange: ({ transactions }) =>
    transactions.some(({ effects }) => effects.some((effect) => effect.is(setNotes))),
  initialSpacer: () => new Count({ text: "00,000", kind: "hit", title: "" }),
});

const decidingLine = EditorView.decorations.compute([notes, "doc"], (state) => {
  const { deciding } = state.field(notes);
  if (deciding < 1 || deciding > state.doc.lines) return RangeSet.empty;
  return Decoration.set(Decoration.line({ class: "cm-deciding" }).range(state.doc.line(deciding).from));
});

const look = EditorView.theme({
  "&": { height: "100%", fontSize: "12.5px", color: "var(--ink)", backgroundColor: "var(--card)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55" },
  ".cm-content": { caretColor: "var(--ink)", padding: "8px 0" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--card)", color: "var(--soft)", borderRight: "1px solid var(--line)" },
  ".cm-counts": { minWidth: "58px", textAlign: "right" },
  ".cm-counts .cm-gutterElement": { padding: "0 8px 0 4px" },
  ".count.hit": { color: "var(--ink)", fontWeight: "600" },
  ".count.never": { color: "var(--untracked)" },
  ".count.shadowed": { color: "var(--invalid)", fontWeight: "600" },
  ".cm-deciding": { backgroundColor: "var(--mark)", boxShadow: "inset 3px 0 var(--accent)" },
  ".cm-tooltip": { backgroundColor: "var(--card)", color: "var(--ink)", border: "1px solid var(--line)" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--mark)", color: "var(--ink)" },
  ".cm-diagnostic": { fontFamily: "var(--sans)", fontSize: "13px" },
});

export class RuleEditor {
  readonly #view: EditorView;

  constructor(parent: HTMLElement, text: string, onchange: (text: string) => void) {
    this.#view = new EditorView({
      parent,
      state: EditorState.create({
        doc: text,
        extensions: [
          lineNumbers(),
          notes,
          counts,
          decidingLine,
          history(),
          iptablesLanguage,
          syntaxHighlighting(iptablesColours),
          autocompletion({ override: [completeRule], icons: false }),
          keymap.of([...completionKeymap, ...lintKeymap, ...historyKeymap, ...defaultKeymap]),
          EditorView.contentAttributes.of({ "aria-label": "Rules", spellcheck: "false", tabindex: "0" }),
          look,
          EditorView.updateListener.of((update) => {
            if (update.docChanged) onchange(update.state.doc.toString());
          }),
        ],
      }),
    });
  }

  get text(): string {
    return this.#view.state.doc.toString();
  }

  set text(text: string) {
    this.#view.dispatch({ changes: { from: 0, to: this.#view.state.doc.length, insert: text } });
  }

  note(margins: ReadonlyMap<number, Margin>, deciding: number): void {
    this.#view.dispatch({ effects: setNotes.of({ margins, deciding }) });
  }

  mark(marks: readonly Mark[]): void {
    const { doc } = this.#view.state;
    const diagnostics = marks.map(({ line, column, length, severity, message }): Diagnostic => {
      const { from, to, text } = doc.line(Math.min(Math.max(1, line), doc.lines));
      // what is missing at the end is shown at the last word
      const last = from + text.trimEnd().lastIndexOf(" ") + 1;
      const start = from + column - 1 < to ? from + Math.max(0, column - 1) : last;
      return { from: start, to: Math.min(start + length, to), severity, message };
    });
    this.#view.dispatch(setDiagnostics(this.#view.state, diagnostics));
  }

  /** Puts the cursor there. */
  go(line: number): void {
    const { doc } = this.#view.state;
    const { from } = doc.line(Math.min(Math.max(1, line), doc.lines));
    this.#view.dispatch({ selection: { anchor: from }, scrollIntoView: true });
    this.#view.focus();
  }

  destroy(): void {
    this.#view.destroy();
  }
}
