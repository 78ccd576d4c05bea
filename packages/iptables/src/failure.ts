/** A word of the input and where it stands. */
export interface Word {
  text: string;
  /** Counted from 1, in characters. */
  column: number;
}

/** What is wrong with a rule line, where, and what would be right. */
export interface RuleError {
  line: number;
  column: number;
  /** The word that offends; "" where something is missing. */
  word: string;
  message: string;
}

/** Thrown inside the parser; callers of the package get RuleError. */
export class Failure extends Error {
  readonly word: Word;
  constructor(word: Word, message: string) {
    super(message);
    this.word = word;
  }
}

export function fail(word: Word, message: string): never {
  throw new Failure(word, message);
}

/** What a Failure says of a line; any other error is thrown on. */
export function errorAt(line: number, error: unknown): RuleError {
  if (!(error instanceof Failure)) throw error;
  const { word, message } = error;
  return { line, column: word.column, word: word.text, message };
}
