// One question at a time; while it is out, only the latest one asked is remembered.
export class Latest<Question> {
  #wanted: { readonly question: Question } | null = null;
  #busy = false;

  constructor(private readonly answer: (question: Question) => Promise<void>) {}

  async ask(question: Question): Promise<void> {
    this.#wanted = { question };
    if (this.#busy) return;
    this.#busy = true;
    try {
      while (this.#wanted !== null) {
        const { question: next } = this.#wanted;
        this.#wanted = null;
        await this.answer(next);
      }
    } finally {
      this.#busy = false;
    }
  }
}
