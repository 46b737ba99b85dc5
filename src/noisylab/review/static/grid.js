// The grid: pages of images of one kind, decided on together except for those that are marked.

import * as tiles from "./tiles.js";
import { byId, idOf, say } from "./view.js";

const JITTER = 150; // pixels of height: phones hide and show their address bar

// The field with the label that an image gets unless a person decides, and the other field.
const usual = ({ flagged }) => (flagged ? "suggested" : "given");
const unusual = ({ flagged }) => (flagged ? "given" : "suggested");

export class Grid {
  #page = null; // a list of cases of one kind, or null when all are decided
  #pages = [];
  #marks = new Map(); // whether a case is an exception on its page, by idOf(), once toggled
  #place = 0; // of the tile that the arrows start from
  #window = [0, 0]; // the size that the pages were made for

  // host: the shown cases, the decisions, and how to change them; see page.js.
  constructor(host) {
    this.host = host;
    for (const name of ["accept", "keep", "previous", "next", "undo"]) {
      byId(`page-${name}`).onclick = () => this.commands[name]();
    }
  }

  commands = {
    accept: () => this.#decide("suggested", "given"),
    keep: () => this.#decide("given", "suggested"),
    left: () => this.#step(-1),
    right: () => this.#step(1),
    up: () => this.#step(-tiles.columns()),
    down: () => this.#step(tiles.columns()),
    space: () => this.#page && this.#toggle(this.#place),
    previous: () => this.#move(-1),
    next: () => this.#move(1),
    undo: () => this.host.undo(this.#page ?? []),
  };

  // The case that the other view starts with.
  get item() {
    return this.#page?.[this.#place] ?? null;
  }

  // Shows the page of a case if it matches the filter, or else the first page with work left.
  show(item) {
    byId("grid").hidden = false;
    this.#window = [innerWidth, innerHeight];
    this.#pages = pagesOf(this.host.shown, tiles.capacity(this.host.shown));
    const placeIn = (page) => page.findIndex((other) => item && idOf(other) === idOf(item));
    const page = this.#pages.find((one) => placeIn(one) >= 0) ?? this.#firstUndecided(0);
    this.#open(page, page ? Math.max(placeIn(page), 0) : 0);
  }

  resize() {
    const [width, height] = this.#window;
    if (innerWidth !== width || Math.abs(innerHeight - height) > JITTER) {
      this.show(this.item);
    }
  }

  #firstUndecided(start) {
    return [...this.#pages.slice(start), ...this.#pages.slice(0, start)]
      .find((page) => page.some((item) => !this.host.decisions.of(item))) ?? null;
  }

  #open(page, place = 0) {
    this.#page = page;
    byId("grid").hidden = !page;
    byId("end").hidden = Boolean(page);
    if (page) {
      tiles.render(page, (other) => this.#toggle(other), (other) => { this.#place = other; });
      page.forEach((_, other) => this.#renderTile(other));
      this.#place = place;
      tiles.focusable(place);
      tiles.renderKind(page, `Page ${this.#pages.indexOf(page) + 1} of ${this.#pages.length}`);
      this.#renderChoices();
      tiles.scrollToTop();
    }
    this.host.changed();
  }

  #move(step) {
    const end = step < 0 ? this.#pages.length - 1 : 0;
    const page = this.#pages[this.#page ? this.#pages.indexOf(this.#page) + step : end];
    if (page) {
      this.#open(page);
    }
  }

  // Moves to another tile; the first arrow only shows where one is.
  #step(step) {
    const place = tiles.hasFocus() ? this.#place + step : this.#place;
    if (this.#page?.[place]) {
      tiles.focus(place);
    }
  }

  // ---- Marking and deciding

  // Whether a person chose a third class, which only the single view can change.
  #isElsewhere(item) {
    return ![null, item.given, item.suggested].includes(this.host.decisions.of(item));
  }

  // Which field has the label of most images of the page, of undecided ones the usual label, and
  // which has that of the exceptions.
  #fields() {
    const items = this.#page.filter((item) => !this.#isElsewhere(item));
    const others = items.filter((item) => this.host.decisions.of(item) === item[unusual(item)]);
    return 2 * others.length > items.length ? [unusual, usual] : [usual, unusual];
  }

  #isMarked(item) {
    const label = this.host.decisions.of(item) ?? item[usual(item)];
    const [common] = this.#fields();
    const isOther = !this.#isElsewhere(item) && label !== item[common(item)];
    return this.#marks.get(idOf(item)) ?? isOther;
  }

  #toggle(place) {
    const item = this.#page[place];
    if (this.#isElsewhere(item)) {
      this.host.switchTo("single", item);
      return;
    }
    this.#marks.set(idOf(item), !this.#isMarked(item));
    this.#renderTile(place);
    this.#renderChoices();
  }

  // Decides on all images of the page by one field of theirs, on marked ones by another.
  async #decide(field, except) {
    const page = this.#page ?? [];
    const changes = page.filter((item) => !this.#isElsewhere(item))
      .map((item) => ({ item, label: item[this.#isMarked(item) ? except : field] }));
    const isPossible = changes.length && (field === "given" || page[0].given !== page[0].suggested);
    if (isPossible && await this.host.decide(changes)) {
      page.forEach((item) => this.#marks.delete(idOf(item)));
      say(`${changes.length} ${changes.length === 1 ? "image" : "images"} decided.`);
      this.#open(this.#firstUndecided(this.#pages.indexOf(page) + 1));
    }
  }

  #renderTile(place) {
    const item = this.#page[place];
    const label = this.host.decisions.of(item);
    const isMarked = this.#isMarked(item);
    const [common, other] = this.#fields();
    const field = isMarked ? other(item) : common(item);
    const outcome = this.#isElsewhere(item) ? label : item[field];
    tiles.renderState(place, item, { outcome, isMarked, isSaved: label === outcome });
  }

  #renderChoices() {
    const items = this.#page.filter((item) => !this.#isElsewhere(item));
    const marked = items.filter((item) => this.#isMarked(item)).length;
    tiles.renderChoices(this.#page[0], items.length, marked);
  }
}

// Pages of at most `size` cases with one tier, given and suggested label, in the order of cases.
function pagesOf(cases, size) {
  const kinds = new Map();
  for (const item of cases) {
    const kind = JSON.stringify([item.tier, item.given, item.suggested]);
    kinds.set(kind, [...(kinds.get(kind) ?? []), item]);
  }
  return [...kinds.values()].flatMap((items) =>
    Array.from({ length: Math.ceil(items.length / size) }, (_, place) =>
      items.slice(place * size, (place + 1) * size)));
}
