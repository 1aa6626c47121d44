/**
 * Text for people and models: cutting without breaking characters, sizes and durations as one would say them, and removal
 * of what a terminal would obey. Pure functions only.
 */

export interface Excerpt {
  text: string;
  truncated: boolean;
  /** Size of the whole text in bytes of UTF-8. */
  totalBytes: number;
  /** Bytes left out of the middle. */
  omittedBytes: number;
}

/**
 * Keeps the head and the tail of a text within `maxBytes` bytes of UTF-8, with `gap(omittedBytes)` between them. The marker
 * counts towards the limit, but takes no more than half of it from the text: a marker that is longer comes on top. Never splits a
 * character.
 */
export function headAndTail(text: string, maxBytes: number, gap: (omittedBytes: number) => string): Excerpt {
  const bytes = Buffer.from(text, "utf8");
  const totalBytes = bytes.length;
  if (totalBytes <= maxBytes) return { text, truncated: false, totalBytes, omittedBytes: 0 };

  // The marker's length depends on the number it shows; the largest number that can stand there bounds it.
  const room = Math.max(maxBytes - Buffer.byteLength(gap(totalBytes)), Math.floor(maxBytes / 2));
  const headEnd = characterStart(bytes, Math.ceil(room * 0.6));
  const tailStart = characterEnd(bytes, totalBytes - (room - headEnd));
  const omittedBytes = tailStart - headEnd;
  const kept = bytes.toString("utf8", 0, headEnd) + gap(omittedBytes) + bytes.toString("utf8", tailStart);
  return { text: kept, truncated: true, totalBytes, omittedBytes };
}

/** The bytes `offset … offset + maxBytes` of a text, moved to character borders; `nextOffset` is null at the end. */
export function byteRange(
  text: string,
  range: { offset: number; maxBytes: number },
): { text: string; offset: number; nextOffset: number | null; totalBytes: number } {
  const bytes = Buffer.from(text, "utf8");
  const start = characterStart(bytes, Math.min(range.offset, bytes.length));
  let end = characterStart(bytes, Math.min(start + range.maxBytes, bytes.length));
  // At least one character goes out, else a reader with a tiny page would never arrive.
  if (end <= start && start < bytes.length) end = characterEnd(bytes, start + 1);
  return {
    text: bytes.toString("utf8", start, end),
    offset: start,
    nextOffset: end < bytes.length ? end : null,
    totalBytes: bytes.length,
  };
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

function characterStart(bytes: Buffer, index: number): number {
  let at = index;
  while (at > 0 && isContinuation(bytes[at])) at--;
  return at;
}

function characterEnd(bytes: Buffer, index: number): number {
  let at = index;
  while (at < bytes.length && isContinuation(bytes[at])) at++;
  return at;
}

/** `950 ms`, `12 s`, `3m10s`, `2h05m`. */
export function formatDuration(ms: number): string {
  // A wall clock that was set back makes times seem negative.
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${String(seconds % 60).padStart(2, "0")}s`;
  return `${Math.floor(minutes / 60)}h${String(minutes % 60).padStart(2, "0")}m`;
}

/** `512 bytes`, `1.5 KiB`, `3.0 MiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KiB`;
  if (bytes < 10 * 1024 ** 3) return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}

// C0 and C1 controls except tab and newline, and the characters that reorder what stands around them.
// oxlint-disable-next-line no-control-regex -- removing control characters is what this is for
const unsafeInTerminal = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Text from an agent, safe to print on a terminal: no escape sequences, no bidirectional overrides. */
export function plainText(text: string): string {
  return text.replace(unsafeInTerminal, "");
}

/** JSON that says the same, safe to print on a terminal: what a terminal could take for a command is written as an escape. */
export function plainJson(json: string): string {
  const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return json.replace(unsafeInTerminal, escaped);
}

/** The first line of a text, plain, shortened to `maxLength` characters. */
export function oneLine(text: string, maxLength: number): string {
  const line = plainText(text).replace(/\s+/g, " ").trim();
  const characters = Array.from(line);
  return characters.length <= maxLength ? line : `${characters.slice(0, maxLength - 1).join("")}…`;
}

/** Words as one would type them in a shell, quoted where they have to be. */
export function shellCommand(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replace(/'/g, `'\\''`)}'`)).join(" ");
}

/** `a`, `a or b`, `a, b or c`; for messages that list what would be right. */
export function listed(items: readonly string[], word: "or" | "and" = "or"): string {
  if (items.length <= 1) return items.join("");
  return `${items.slice(0, -1).join(", ")} ${word} ${items.at(-1)}`;
}
