// Shows one image after another and sends each decision. The file is the only source of truth.

import { commandOf } from "./keys.js";
import { ask } from "./server.js";
import * as view from "./view.js";

const { byId, keyOf, say, warn } = view;

let sheet = { classes: [], keys: {}, cases: [], review: "" };
let decided = {}; // the class decided on, by keyOf()
let shown = []; // the cases that match the filter
let current = null; // one of `shown`, or null when all are decided
let isBusy = false; // waiting for an answer; requests must not overtake each other
const made = []; // decisions of this page in order: { item, before }, the label it had before
const written = new Map(); // the label that this page wrote, by keyOf()

// ---- Reading and writing

async function load() {
  sheet = await ask("cases");
  byId("review").textContent = sheet.review;
  view.renderFilters(sheet.cases, new URLSearchParams(location.hash.slice(1)));
  view.renderClasses(sheet, decide);
  adopt(sheet.decisions);
  filter();
}

async function refresh() {
  if (!isBusy) {
    isBusy = true;
    await load().catch((error) => warn(error.message));
    isBusy = false;
  }
}

// Warns if decisions of this page are gone: someone removed them or saved an older copy.
function adopt(decisions) {
  decided = decisions;
  const lost = sheet.cases.filter((item) => written.has(keyOf(item)) && !decided[keyOf(item)]);
  if (lost.length) {
    const text = `${sheet.review} was changed elsewhere: ${lost.length} of the decisions made here ` +
      "are missing. ";
    const again = view.buttonOf(["Restore"], () => restore(lost));
    const forget = view.buttonOf(["Discard"], () => {
      lost.forEach((item) => written.delete(keyOf(item)));
      warn("");
    });
    warn(text, again, forget);
  }
}

async function restore(lost) {
  for (const item of lost) {
    await write(item, written.get(keyOf(item)));
  }
  show(current);
}

// Writes a label, or null to undo one. Returns whether that succeeded.
async function write(item, label) {
  if (isBusy) {
    return false;
  }
  isBusy = true;
  const { split, index, image, given } = item;
  const was = decided[keyOf(item)] ?? null;
  try {
    const answer = await ask("decisions", { split, index, image, given, was, label });
    if (label === null) {
      written.delete(keyOf(item));
    } else {
      written.set(keyOf(item), label);
    }
    warn("");
    adopt(answer.decisions);
    return true;
  } catch (error) {
    await load().catch(() => {});
    warn(error.message);
    return false;
  } finally {
    isBusy = false;
  }
}

// ---- Deciding

async function decide(label) {
  const item = current;
  const before = decided[keyOf(item)] ?? null;
  if (await write(item, label)) {
    made.push({ item, before });
    say(`Image ${item.index} of ${item.split}: ${label}.`);
    show(firstUndecided(placeOf(item) + 1));
  }
}

// Undoes the decision on the current image, or else the last decision of this page.
async function undo() {
  const isDecided = current && decided[keyOf(current)];
  const wanted = isDecided ? current : made.at(-1)?.item;
  if (!wanted) {
    say("Nothing to undo. Go to an image with a decision.");
    return;
  }
  const place = made.findLastIndex(({ item }) => keyOf(item) === keyOf(wanted));
  if (await write(wanted, place < 0 ? null : made[place].before)) {
    made.splice(place, place < 0 ? 0 : 1);
    say(`Undone: image ${wanted.index} of ${wanted.split}.`);
    if (placeOf(wanted) < 0) {
      byId("pair").value = byId("split").value = "";
      filter();
    }
    show(shown[placeOf(wanted)]);
  }
}

// ---- Choosing the image

function placeOf(item) {
  return shown.findIndex((other) => keyOf(other) === keyOf(item));
}

function firstUndecided(start) {
  const order = [...shown.slice(start), ...shown.slice(0, start)];
  return order.find((item) => !decided[keyOf(item)]) ?? null;
}

function move(step) {
  const end = step < 0 ? shown.length - 1 : 0;
  const item = shown[current ? placeOf(current) + step : end];
  if (item) {
    show(item);
  }
}

function filter() {
  const chosen = ["pair", "split"].map((name) => [name, byId(name).value]);
  const [[, pair], [, split]] = chosen;
  shown = sheet.cases.filter((item) =>
    (!split || item.split === split) &&
    (!pair || pair === JSON.stringify([item.given, item.suggested])));
  const query = new URLSearchParams(chosen.filter(([, value]) => value)).toString();
  history.replaceState(null, "", query ? `#${query}` : location.pathname);
  show(shown[current ? placeOf(current) : -1] ?? firstUndecided(0));
}

function show(item) {
  current = item;
  byId("case").hidden = !item;
  byId("end").hidden = Boolean(item);
  view.renderProgress(shown, decided);
  const place = item ? placeOf(item) : 0;
  if (item) {
    view.renderCase(item, decided[keyOf(item)], `${place + 1} of ${shown.length}`);
  }
  view.renderStrip(shown.slice(Math.max(place - 3, 0), place + 12), item, decided, show);
}

// ---- Keys and buttons

const commands = {
  accept: () => current.given !== current.suggested && decide(current.suggested),
  keep: () => decide(current.given),
  any: () => byId("name").focus(),
  previous: () => move(-1),
  next: () => move(1),
  undo,
};

function run(command) {
  if (current || !["accept", "keep", "any"].includes(command)) {
    commands[command]();
  }
}

document.addEventListener("keydown", (event) => {
  const command = byId("shortcuts").checked ? commandOf(event) : undefined;
  const label = sheet.keys[command];
  if (label !== undefined && current) {
    event.preventDefault();
    decide(label);
  } else if (command in commands && (command !== "any" || !byId("any").hidden)) {
    event.preventDefault();
    run(command);
  }
});

for (const name of ["accept", "keep", "previous", "next", "undo"]) {
  byId(name).onclick = () => run(name);
}

byId("any").addEventListener("submit", (event) => {
  event.preventDefault();
  const typed = byId("name").value.trim();
  const begun = sheet.classes.filter((name) =>
    typed && name.toLowerCase().startsWith(typed.toLowerCase()));
  if (!sheet.classes.includes(typed) && begun.length !== 1) {
    warn(`${begun.length || "No"} classes start with "${typed}". Type the name of one class.`);
    return;
  }
  byId("name").value = "";
  byId("name").blur();
  decide(sheet.classes.includes(typed) ? typed : begun[0]);
});

for (const select of [byId("pair"), byId("split")]) {
  let isByPointer = false;
  select.addEventListener("pointerdown", () => { isByPointer = true; });
  select.addEventListener("keydown", () => { isByPointer = false; });
  select.addEventListener("change", () => {
    filter();
    if (isByPointer) {
      select.blur(); // so the next key decides instead of choosing another filter
    }
  });
}

// While the page was hidden, others may have decided, or the pipeline may have run.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) {
    refresh();
  }
});

refresh();
