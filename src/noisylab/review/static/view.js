// Pieces that both views render.

export const byId = (id) => document.getElementById(id);
export const keyOf = (item) => `${item.split} ${item.index}`;
// Of the image, too: after a new run, another image may have this place.
export const idOf = (item) => `${keyOf(item)} ${item.image}`;
export const nameOf = (item) => item.name ?? `Image ${item.index} of ${item.split}`;
const imageOf = (item) => `images/${item.image}.png`;

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

// The pixels that the model sees stay sharp; a photograph is smooth.
export function show(picture, item) {
  picture.onload = () => {
    const side = Math.max(picture.naturalWidth, picture.naturalHeight);
    picture.classList.toggle("photograph", side > 32);
  };
  picture.src = imageOf(item);
}

export function pictureOf(item, description) {
  const picture = new Image(32, 32);
  if (item.image) {
    show(picture, item);
  }
  picture.alt = description;
  return picture;
}

export function labelled(key, text) {
  const hint = document.createElement("kbd");
  hint.textContent = key;
  return [hint, ` ${text}`];
}

// In the middle: the ends of file names tell them apart.
export function shortened(text, length) {
  const half = Math.floor((length - 1) / 2);
  return text.length > length ? `${text.slice(0, half)}…${text.slice(-half)}` : text;
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

export function renderProgress(shown, decisions) {
  const left = shown.filter((item) => !decisions.of(item));
  const probs = left.map((item) => decisions.wrongProbs[keyOf(item)] ?? 0); // 0: no longer listed
  const wrong = Math.round(probs.reduce((sum, prob) => sum + prob, 0));
  byId("progress").max = Math.max(shown.length, 1);
  byId("progress").value = shown.length - left.length;
  byId("count").textContent = `${shown.length - left.length} of ${shown.length} decided`;
  byId("left").textContent = left.length
    ? `${left.length} left, about ${wrong} labelled wrong`
    : "";
  byId("end").textContent = shown.length ? "All decided." : "No image matches this filter.";
  byId("notices").replaceChildren(...decisions.notices.map((text) => {
    const notice = document.createElement("p");
    notice.textContent = text;
    return notice;
  }));
}
