// From keyboard events to commands.

// On a keyboard of another script, the Latin letter at the same place.
function letterOf(event) {
  const byPlace = /^Key(.)$/.exec(event.code)?.[1];
  return (/^[a-z]$/i.test(event.key) ? event.key : byPlace)?.toLowerCase();
}

// Also without the Shift key that some keyboard layouts need for digits.
function digitOf(event) {
  return /^[0-9]$/.test(event.key) ? event.key : /^Digit(.)$/.exec(event.code)?.[1];
}

const moves = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
  PageUp: "previous",
  PageDown: "next",
};
const letters = { a: "accept", k: "keep", u: "undo", c: "any", v: "view" };

// A command, a digit, or undefined.
export function commandOf(event) {
  const isTyping = event.target.closest("select, input:not([type=checkbox])");
  const move = moves[event.key];
  if (event.altKey || event.isComposing || isTyping || (event.repeat && !move)) {
    return undefined;
  }
  if (event.ctrlKey || event.metaKey) {
    return letterOf(event) === "z" && !event.shiftKey ? "undo" : undefined; // with Shift: redo
  }
  if (event.key === " ") { // it presses what has the focus
    return event.target.closest("button, a, input") ? undefined : "space";
  }
  return move ?? letters[letterOf(event)] ?? digitOf(event);
}
