// Loads the cases, filters them, and runs the commands of the view that is shown.

import { Decisions } from "./decisions.js";
import { Grid } from "./grid.js";
import { commandOf } from "./keys.js";
import { ask } from "./server.js";
import { Single } from "./single.js";
import { buttonOf, byId, keyOf, renderFilters, renderProgress, say, warn } from "./view.js";

let sheet = { classes: [], keys: {}, cases: [], review: "" };
let isBusy = false; // waiting for an answer; requests must not overtake each other
let viewName = "grid";

// What the views share.
const host = {
  shown: [], // the cases that match the filter
  decisions: new Decisions(),
  decide: (changes) => attempt(() => host.decisions.decide(changes)),
  undo,
  switchTo,
  changed: () => renderProgress(host.shown, host.decisions),
};
const views = { grid: new Grid(host), single: new Single(host) };

// ---- Reading and writing

async function load() {
  sheet = await ask("cases");
  host.decisions.adopt(sheet);
  byId("review").textContent = sheet.review;
  const chosen = new URLSearchParams(location.hash.slice(1));
  renderFilters(sheet.cases, chosen);
  views.single.renderClasses(sheet);
  warn("");
  warnOfLost();
  showView(chosen.get("view") === "single" ? "single" : "grid");
  filter();
}

async function refresh() {
  if (!isBusy) {
    isBusy = true;
    await load().catch((error) => warn(error.message));
    isBusy = false;
  }
}

// Returns whether the action succeeded. If not, shows the present files and the reason.
async function attempt(action) {
  if (isBusy) {
    return false;
  }
  isBusy = true;
  try {
    await action();
    warn("");
    warnOfLost();
    return true;
  } catch (error) {
    await load().catch(() => {});
    warn(error.message);
    return false;
  } finally {
    isBusy = false;
  }
}

function warnOfLost() {
  const { decisions } = host;
  const lost = decisions.lost(sheet.cases);
  if (lost.length) {
    const text = `${sheet.review} was changed elsewhere: ${lost.length} of the decisions made here ` +
      "are missing. ";
    const again = buttonOf(["Restore"], async () => {
      if (await attempt(() => decisions.restore(lost))) {
        views[viewName].show(views[viewName].item);
      }
    });
    const forget = buttonOf(["Discard"], () => {
      decisions.forget(lost);
      warn("");
    });
    warn(text, again, forget);
  }
}

// Undoes the decisions on these cases, or else those made last.
async function undo(items) {
  const changes = host.decisions.undone(items);
  if (!changes.length) {
    say("Nothing to undo. Go to an image with a decision.");
    return;
  }
  if (await attempt(() => host.decisions.undo(changes))) {
    const [{ item }] = changes;
    say(changes.length > 1
      ? `Undone: ${changes.length} images.`
      : `Undone: image ${item.index} of ${item.split}.`);
    if (!host.shown.some((other) => keyOf(other) === keyOf(item))) {
      byId("pair").value = byId("split").value = "";
      filter();
    }
    views[viewName].show(item);
  }
}

// ---- Choosing what is shown

function filter() {
  const [pair, split] = ["pair", "split"].map((name) => byId(name).value);
  host.shown = sheet.cases.filter((item) =>
    (!split || item.split === split) &&
    (!pair || pair === JSON.stringify([item.given, item.suggested])));
  remember();
  views[viewName].show(views[viewName].item);
}

function switchTo(name, item = views[viewName].item) {
  showView(name);
  remember();
  views[name].show(item);
}

function showView(name) {
  viewName = name;
  for (const id of ["case", "strip", "grid"]) {
    byId(id).hidden = true;
  }
  for (const other of Object.keys(views)) {
    byId(`view-${other}`).ariaPressed = String(other === name);
  }
  document.body.dataset.view = name;
}

// Keeps the filter and the view across a reload.
function remember() {
  const chosen = [["pair", byId("pair").value], ["split", byId("split").value],
    ["view", viewName === "grid" ? "" : viewName]];
  const query = new URLSearchParams(chosen.filter(([, value]) => value)).toString();
  history.replaceState(null, "", query ? `#${query}` : location.pathname);
}

// ---- Keys and buttons

document.addEventListener("keydown", (event) => {
  const command = byId("shortcuts").checked ? commandOf(event) : undefined;
  const action = command === "view"
    ? () => switchTo(viewName === "grid" ? "single" : "grid")
    : views[viewName].commands[command] ?? views[viewName].digit?.(command);
  if (action) {
    event.preventDefault();
    action();
  }
});

for (const name of Object.keys(views)) {
  byId(`view-${name}`).onclick = () => switchTo(name);
}

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
addEventListener("resize", () => views[viewName].resize?.());

refresh();
