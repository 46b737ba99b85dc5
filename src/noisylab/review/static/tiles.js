// Renders a page of the grid.

import { buttonOf, byId, labelled, nameOf, pictureOf, shortened } from "./view.js";

const MIN_ROWS = 3; // in a low window, which then scrolls
const CAPTION = 14; // characters
const KINDS = {
  certain: "flagged",
  doubtful: "flagged, less certain",
  unflagged: "not flagged",
};

const buttons = () => [...byId("tiles").querySelectorAll("button")];

export const columns = () => getComputedStyle(byId("tiles")).gridTemplateColumns.split(" ").length;

// How many tiles fit the window below texts such as those about the first case.
export function capacity(cases) {
  const list = byId("tiles");
  cases.slice(0, 1).forEach((item) => {
    renderKind([item], "Page 10 of 10");
    renderChoices(item, 100, 0);
  });
  list.replaceChildren(tileOf({ split: "train", index: 0 }));
  const { height } = list.getBoundingClientRect();
  const isNarrow = matchMedia("(max-width: 40rem)").matches; // only the choices stay in view
  const around = isNarrow ? byId("page-accept").parentElement : document.body;
  const rest = around.getBoundingClientRect().height - (isNarrow ? 0 : height);
  const gap = parseFloat(getComputedStyle(list).rowGap);
  const rows = Math.floor((innerHeight - rest + gap) / (height + gap));
  return Math.max(rows, MIN_ROWS) * columns();
}

export function render(cases, toggle, enter) {
  const hadFocus = hasFocus();
  byId("tiles").replaceChildren(...cases.map((item, place) => {
    const tile = tileOf(item);
    tile.firstChild.onclick = () => toggle(place);
    tile.firstChild.onfocus = () => {
      focusable(place);
      enter(place);
    };
    return tile;
  }));
  if (hadFocus) {
    focus(0);
  }
}

export function renderState(place, item, { outcome, isMarked, isSaved }) {
  const button = buttons()[place];
  // What a marked image becomes depends on the button that is pressed next, which says so.
  const text = isSaved ? `✓ ${outcome}` : isMarked ? "exception" : outcome;
  button.ariaPressed = String(isMarked);
  button.ariaLabel = `${nameOf(item)}: ${text}`;
  button.querySelector(".badge").textContent = isMarked || isSaved ? text : "";
}

export function renderKind(cases, place) {
  const [{ tier, given, suggested, flagged }] = cases;
  const scores = cases.map(({ score }) => score);
  const range = [Math.max(...scores), Math.min(...scores)].map((score) => score.toFixed(2));
  const outcome = flagged ? `these become ${suggested}` : `these stay ${given}`;
  byId("page-given").textContent = given;
  byId("page-suggested").textContent = suggested;
  byId("page-how").textContent = flagged ? "looks like" : "may be";
  byId("page-why").textContent = `${place}: ${KINDS[tier]}, ` +
    `score ${[...new Set(range)].join(" to ")}; ${outcome} unless you decide otherwise`;
}

// given, suggested: of the page. marked: how many of its `count` images are exceptions.
export function renderChoices({ given, suggested, flagged }, count, marked) {
  const text = (verb, label, otherVerb, otherLabel) => {
    if (!marked) {
      return `${verb} ${label}${count > 1 ? ` for all ${count}` : ""}`;
    }
    return `${verb} ${label} for ${count - marked}, ${otherVerb} ${otherLabel} for ${marked}`;
  };
  byId("page-accept").replaceChildren(
    ...labelled("A", text("Accept", suggested, "keep", given)));
  byId("page-keep").replaceChildren(...labelled("K", text("Keep", given, "accept", suggested)));
  byId("page-accept").disabled = given === suggested;
  byId("page-accept").classList.toggle("usual", flagged);
  byId("page-keep").classList.toggle("usual", !flagged);
}

// After the choices of a page that did not fit, the next one starts at its top.
export function scrollToTop() {
  if (byId("grid").getBoundingClientRect().top < 0) {
    byId("grid").scrollIntoView();
  }
}

export function hasFocus() {
  return byId("tiles").contains(document.activeElement);
}

export function focus(place) {
  buttons()[place].focus();
}

// The Tab key reaches one tile; the arrow keys reach the others.
export function focusable(place) {
  buttons().forEach((button, other) => { button.tabIndex = other === place ? 0 : -1; });
}

function tileOf(item) {
  const badge = document.createElement("span");
  badge.className = "badge";
  const caption = document.createElement("span");
  caption.className = "caption";
  const file = item.name?.split("/").at(-1);
  caption.textContent = shortened(file || `${item.split} ${item.index}`, CAPTION);
  const button = buttonOf([pictureOf(item, ""), badge, caption], null);
  button.title = nameOf(item);
  const tile = document.createElement("li");
  tile.append(button);
  return tile;
}
