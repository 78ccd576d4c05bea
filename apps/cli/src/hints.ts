// What a helper would have changed, for readers: remarks behind a run, and what --hints adds to a line of JSON.
import type { HelperHint, Hindsight, NotExpected, Opening } from "conntrack-wasm";

/** The hints of a run, by helper. */
export class Remarks {
  readonly #byHelper = new Map<string, { first: HelperHint; count: number }>();

  add(hint: HelperHint): void {
    const known = this.#byHelper.get(hint.helper);
    if (known === undefined) this.#byHelper.set(hint.helper, { first: hint, count: 1 });
    else known.count++;
  }

  /** A line for each helper that would have had something to say. */
  lines(): string[] {
    return [...this.#byHelper].map(([helper, { first, count }]) => {
      const others = count === 1 ? "" : `, and ${count - 1} more`;
      return (
        `with \`-j CT --helper ${helper}\` (here: --helper ${helper}) the connection of packet ${first.frame} ` +
        `would have been RELATED, announced by packet ${first.announcement.frame}${others}`
      );
    });
  }
}

/** `#8 "PORT 10,0,0,9,200,10" (ftp): announces port …` */
export function notExpectedText({ announcement: { frame, text, helper }, text: why }: NotExpected): string {
  return `#${frame}${text === null ? "" : ` ${JSON.stringify(text)}`} (${helper}): ${why}`;
}

/** Members for the JSON of a packet, or "" when there is nothing to say. */
export function hintMembers(hindsight: Hindsight, opening: Opening): string {
  const hint = hindsight.hint(opening);
  const missed = hindsight.notExpected(opening);
  let members = "";
  if (hint !== null) {
    const { helper, announcement, text } = hint;
    members = `,"helperHint":${JSON.stringify({ helper, announced: announcement.frame, announcement: announcement.text, text })}`;
  }
  if (missed.length > 0) {
    const rows = missed.map(({ announcement: { frame, helper, text: announcement }, why, text }) => ({
      announced: frame,
      helper,
      announcement,
      why,
      text,
    }));
    members += `,"notExpected":${JSON.stringify(rows)}`;
  }
  return members;
}
