// The single view: one image after another.

import {
  buttonOf, byId, keyOf, labelled, pictureOf, say, show, warn,
} from "./view.js";

export class Single {
  item = null; // one of the shown cases, or null when all are decided
  #keys = {}; // the class that each digit gives

  // host: the shown cases, the decisions, and how to change them; see page.js.
  constructor(host) {
    this.host = host;
    for (const name of ["accept", "keep", "previous", "next", "undo"]) {
      byId(name).onclick = () => this.commands[name]();
    }
    byId("any").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#decideByName(byId("name").value.trim());
    });
  }

  commands = {
    accept: () => this.item?.given !== this.item?.suggested && this.#decide(this.item.suggested),
    keep: () => this.#decide(this.item?.given),
    any: () => this.item && byId("name").focus(),
    left: () => this.#move(-1),
    right: () => this.#move(1),
    previous: () => this.#move(-1),
    next: () => this.#move(1),
    undo: () => this.host.undo(this.item ? [this.item] : []),
  };

  // The action of a digit key, if it has one.
  digit(key) {
    return this.#keys[key] === undefined ? undefined : () => this.#decide(this.#keys[key]);
  }

  // Shows a case if it matches the filter, or else the first one that is undecided.
  show(item) {
    const { shown, decisions } = this.host;
    this.item = shown[this.#placeOf(item)] ?? this.#firstUndecided(0);
    byId("case").hidden = !this.item;
    byId("end").hidden = Boolean(this.item);
    byId("strip").hidden = false;
    const place = Math.max(this.#placeOf(this.item), 0);
    if (this.item) {
      renderCase(this.item, decisions.of(this.item), `${place + 1} of ${shown.length}`);
    }
    this.#renderStrip(shown.slice(Math.max(place - 3, 0), place + 12));
    this.host.changed();
  }

  // For each class a button with its key, and a field for the classes without one.
  renderClasses({ classes, keys }) {
    this.#keys = keys;
    const pairs = Object.entries(keys);
    pairs.sort(([, one], [, other]) => classes.indexOf(one) - classes.indexOf(other));
    byId("digits").replaceChildren(...pairs.map(([key, name]) => {
      const button = buttonOf(labelled(key, name), () => this.#decide(name));
      button.dataset.label = name;
      return button;
    }));
    byId("any").hidden = pairs.length === classes.length;
    byId("names").replaceChildren(...classes.map((name) => new Option("", name)));
  }

  async #decide(label) {
    const { item } = this;
    if (item && await this.host.decide([{ item, label }])) {
      say(`Image ${item.index} of ${item.split}: ${label}.`);
      this.show(this.#firstUndecided(this.#placeOf(item) + 1));
    }
  }

  #decideByName(typed) {
    const names = [...byId("names").options].map(({ value }) => value);
    const begun = names.filter((name) =>
      typed && name.toLowerCase().startsWith(typed.toLowerCase()));
    if (!names.includes(typed) && begun.length !== 1) {
      warn(`${begun.length || "No"} classes start with "${typed}". Type the name of one class.`);
      return;
    }
    byId("name").value = "";
    byId("name").blur();
    this.#decide(names.includes(typed) ? typed : begun[0]);
  }

  #placeOf(item) {
    return this.host.shown.findIndex((other) => item && keyOf(other) === keyOf(item));
  }

  #firstUndecided(start) {
    const { shown, decisions } = this.host;
    return [...shown.slice(start), ...shown.slice(0, start)]
      .find((item) => !decisions.of(item)) ?? null;
  }

  #move(step) {
    const { shown } = this.host;
    const end = step < 0 ? shown.length - 1 : 0;
    const item = shown[this.item ? this.#placeOf(this.item) + step : end];
    if (item) {
      this.show(item);
    }
  }

  #renderStrip(items) {
    const hadFocus = byId("strip").contains(document.activeElement);
    byId("strip").replaceChildren(...items.map((item) => {
      const label = this.host.decisions.of(item);
      const text = document.createElement("span");
      text.textContent = label ? `✓ ${label}` : `${item.suggested}?`;
      text.className = label ? "" : "undecided";
      const picture = pictureOf(item, `Image ${item.index} of ${item.split}`);
      const button = buttonOf([picture, text], () => this.show(item));
      if (item === this.item) {
        button.ariaCurrent = "true";
      }
      const entry = document.createElement("li");
      entry.append(button);
      return entry;
    }));
    if (hadFocus) {
      byId("strip").querySelector("[aria-current]")?.focus();
    }
  }
}

function renderCase(item, label, place) {
  const { given, suggested } = item;
  const isSame = given === suggested;
  show(byId("image"), item);
  byId("image").alt = `Image ${item.index} of ${item.split}, enlarged`;
  byId("title").textContent = `${place}: image ${item.index} of ${item.split}`;
  byId("file").textContent = item.name ?? "";
  byId("given").textContent = given;
  byId("suggested").textContent = suggested;
  byId("how").textContent = item.flagged ? "looks like" : "may be";
  byId("suggestion").hidden = isSame;
  const outcome = item.flagged ? `flagged: becomes ${suggested}` : `not flagged: stays ${given}`;
  byId("why").textContent = `score ${item.score.toFixed(3)}, ${outcome} unless you decide otherwise`;
  byId("state").textContent = label ? `Decided: ${label === given ? "keep " : ""}${label}` : "";
  byId("accept").replaceChildren(...labelled("A", `Accept ${suggested}`));
  byId("accept").disabled = isSame;
  byId("accept").classList.toggle("usual", item.flagged);
  byId("keep").classList.toggle("usual", !item.flagged);
  byId("accept").ariaPressed = String(label === suggested && !isSame);
  byId("keep").replaceChildren(...labelled("K", `Keep ${given}`));
  byId("keep").ariaPressed = String(label === given);
  for (const button of byId("digits").children) {
    button.ariaPressed = String(button.dataset.label === label);
  }
}
