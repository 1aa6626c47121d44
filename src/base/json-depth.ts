/** How deep JSON is nested, told from its text before anything is built of it: what takes it apart recurses, and a stack ends somewhere. */

/** Whether arrays and objects stand more than `most` levels within each other. Looks at each character once, whatever stands there. */
export function isDeeperThan(text: string, most: number): boolean {
  // So many levels are opened and closed.
  if (text.length <= 2 * most) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') at = endOfString(text, at);
    else if (character === "{" || character === "[") depth++;
    else if (character === "}" || character === "]") depth--;
    if (depth > most) return true;
  }
  return false;
}

function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let before = end;
    while (text[before - 1] === "\\") before--;
    if ((end - before) % 2 === 0) return end;
  }
  return text.length;
}
