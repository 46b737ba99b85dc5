// Renders the cases and the decisions about them.

export const byId = (id) => document.getElementById(id);
export const keyOf = (item) => `${item.split} ${item.index}`;

// For screen readers only.
export function say(text) {
  byId("said").textContent = text;
}

export function warn(text, ...buttons) {
  byId("alert").replaceChildren(text, ...buttons);
}

export function buttonOf(content, action) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...content);
  button.onclick = action;
  return button;
}

export function renderFilters(cases, chosen) {
  const counts = new Map();
  for (const { given, suggested } of cases) {
    const pair = JSON.stringify([given, suggested]);
    counts.set(pair, (counts.get(pair) ?? 0) + 1);
  }
  const options = [...counts].map(([pair, count]) =>
    new Option(`${JSON.parse(pair).join(" → ")} (${count})`, pair));
  byId("pair").replaceChildren(new Option(`all (${cases.length})`, ""), ...options);
  for (const name of ["pair", "split"]) {
    byId(name).value = chosen.get(name) ?? "";
    if (byId(name).selectedIndex < 0) {
      byId(name).value = "";
    }
  }
}

export function renderClasses({ classes, keys }, decide) {
  const pairs = Object.entries(keys);
  pairs.sort(([, one], [, other]) => classes.indexOf(one) - classes.indexOf(other));
  byId("digits").replaceChildren(...pairs.map(([key, name]) => {
    const button = buttonOf(labelled(key, name), () => decide(name));
    button.dataset.label = name;
    return button;
  }));
  byId("any").hidden = pairs.length === classes.length;
  byId("names").replaceChildren(...classes.map((name) => new Option("", name)));
}

export function renderProgress(shown, decided) {
  const count = shown.filter((item) => decided[keyOf(item)]).length;
  byId("progress").max = Math.max(shown.length, 1);
  byId("progress").value = count;
  byId("count").textContent = `${count} of ${shown.length} decided`;
  byId("end").textContent = shown.length
    ? "All decided."
    : "No image matches this filter.";
}

export function renderCase(item, label, place) {
  const { given, suggested } = item;
  const isSame = given === suggested;
  byId("image").src = imageOf(item);
  byId("image").alt = `Image ${item.index} of ${item.split}, enlarged`;
  byId("title").textContent = `${place}: image ${item.index} of ${item.split}`;
  byId("given").textContent = given;
  byId("suggested").textContent = suggested;
  byId("how").textContent = item.flagged ? "looks like" : "may be";
  byId("suggestion").hidden = isSame;
  const outcome = item.flagged ? `flagged: becomes ${suggested}` : `not flagged: stays ${given}`;
  byId("why").textContent = `score ${item.score.toFixed(3)}, ${outcome} unless you decide otherwise`;
  byId("state").textContent = label ? `Decided: ${label === given ? "keep " : ""}${label}` : "";
  byId("accept").replaceChildren(...labelled("A", `Accept ${suggested}`));
  byId("accept").disabled = isSame;
  byId("accept").ariaPressed = String(label === suggested && !isSame);
  byId("keep").replaceChildren(...labelled("K", `Keep ${given}`));
  byId("keep").ariaPressed = String(label === given);
  for (const button of byId("digits").children) {
    button.ariaPressed = String(button.dataset.label === label);
  }
}

export function renderStrip(items, current, decided, show) {
  const hadFocus = byId("strip").contains(document.activeElement);
  byId("strip").replaceChildren(...items.map((item) => {
    const label = decided[keyOf(item)];
    const picture = new Image(32, 32);
    picture.src = imageOf(item);
    picture.alt = `Image ${item.index} of ${item.split}`;
    const text = document.createElement("span");
    text.textContent = label ? `✓ ${label}` : `${item.suggested}?`;
    text.className = label ? "" : "undecided";
    const button = buttonOf([picture, text], () => show(item));
    if (item === current) {
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

function imageOf(item) {
  return `images/${item.image}.png`;
}

function labelled(key, text) {
  const hint = document.createElement("kbd");
  hint.textContent = key;
  return [hint, ` ${text}`];
}
