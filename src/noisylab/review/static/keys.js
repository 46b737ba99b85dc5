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

// A command, a digit, or undefined.
export function commandOf(event) {
  const isTyping = event.target.closest("select, input:not([type=checkbox])");
  const isArrow = event.key === "ArrowLeft" || event.key === "ArrowRight";
  if (event.altKey || event.isComposing || isTyping || (event.repeat && !isArrow)) {
    return undefined;
  }
  if (event.ctrlKey || event.metaKey) {
    return letterOf(event) === "z" ? "undo" : undefined;
  }
  if (isArrow) {
    return event.key === "ArrowLeft" ? "previous" : "next";
  }
  if (event.key === "Enter") {
    return event.target.closest("button, a, input") ? undefined : "accept";
  }
  const letters = { a: "accept", k: "keep", u: "undo", c: "any" };
  return letters[letterOf(event)] ?? digitOf(event);
}
