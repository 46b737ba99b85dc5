// The decisions in the file, which is the only source of truth, and those that this page made.

import { ask } from "./server.js";
import { idOf, keyOf } from "./view.js";

export class Decisions {
  labels = {}; // the class decided on, by keyOf()
  wrongProbs = {}; // how likely the given label is wrong, by keyOf()
  notices = []; // lines on decisions in the file that do not count now
  #made = []; // decisions of this page in order, together for a page of the grid: { item, before }
  #written = new Map(); // the label that this page wrote, by idOf()

  of(item) {
    return this.labels[keyOf(item)] ?? null;
  }

  adopt(answer) {
    this.labels = answer.decisions;
    this.wrongProbs = answer.wrong_probs;
    this.notices = answer.notices;
  }

  // Cases whose decisions are gone: someone removed them or saved an older copy.
  lost(cases) {
    return cases.filter((item) => this.#written.has(idOf(item)) && !this.of(item));
  }

  forget(items) {
    items.forEach((item) => this.#written.delete(idOf(item)));
  }

  // Writes all changes { item, label } or none; a label of null undoes a decision.
  async write(changes) {
    this.adopt(await ask("decisions", changes.map(({ item, label }) => {
      const { split, index, image, given } = item;
      return { split, index, image, given, was: this.of(item), label };
    })));
    for (const { item, label } of changes) {
      if (label === null) {
        this.#written.delete(idOf(item));
      } else {
        this.#written.set(idOf(item), label);
      }
    }
  }

  async restore(items) {
    await this.write(items.map((item) => ({ item, label: this.#written.get(idOf(item)) })));
  }

  async decide(changes) {
    const batch = changes.map(({ item }) => ({ item, before: this.of(item) }));
    await this.write(changes);
    this.#made.push(batch);
  }

  // What undo would write: for these items, if any is decided, or else for those decided last.
  undone(items) {
    const decided = items.filter((item) => this.of(item));
    const wanted = decided.length ? decided : (this.#made.at(-1) ?? []).map(({ item }) => item);
    return wanted.map((item) => ({ item, label: this.#madeOf(item)?.before ?? null }));
  }

  async undo(changes) {
    await this.write(changes);
    for (const { item } of changes) {
      const entry = this.#madeOf(item);
      this.#made.forEach((batch) => batch.includes(entry) && batch.splice(batch.indexOf(entry), 1));
    }
    this.#made = this.#made.filter((batch) => batch.length);
  }

  #madeOf(item) {
    return this.#made.flat().findLast((entry) => idOf(entry.item) === idOf(item));
  }
}
