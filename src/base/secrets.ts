/**
 * The one place that decides what looks like a secret: by the name it stands under, or by its own shape. The logger and
 * `config show` both ask here. Pure functions; a secret that looks like an ordinary word under an ordinary name is not
 * recognised, so nothing may rely on this to make text public.
 */

/** What is put in place of a secret. */
export const redacted = "[redacted]";

export interface TextRange {
  /** Offsets in UTF-16 units, `end` exclusive. */
  readonly start: number;
  readonly end: number;
}

const secretWords = new Set(["key", "keys", "apikey", "token", "tokens", "auth", "oauth", "authorization", "bearer"]);
const secretWordEndings = /(?:secret|password|passwd|pwd|passphrase|credential|token|apikey|accesskey|privatekey)s?$/;
// Counts of tokens, and the handle under which progress is reported, are no secrets although their names have the word.
const harmlessNames = /^(?:(?:progress|cancellation)[_-]?token|max[_-]?tokens[\w-]*)$/i;
const plainNumber = /^[+-]?\d+(?:\.\d+)?$/;
const noValue = /^(?:null|true|false)$/;
const reference = /^\$\{[^}]*\}$/;

/** True for names such as `OPENAI_API_KEY`, `githubToken`, `PGPASSWORD`, `Authorization`. */
export function isSecretName(name: string): boolean {
  if (harmlessNames.test(name)) return false;
  return wordsOf(name).some((word) => secretWords.has(word) || secretWordEndings.test(word));
}

/** True for a value that has the shape of a secret, whatever its name: known prefixes, keys in PEM, long random strings. */
export function isSecretValue(value: string): boolean {
  return shapeRanges(value).length > 0;
}

/** Should `value` be hidden when it is shown under `name`. */
export function isSecret(name: string, value: string): boolean {
  return isSecretByName(name, value) || isSecretValue(value);
}

/** The text with `[redacted]` in place of everything in it that looks like a secret, `NAME=value` pairs included. */
export function redactText(text: string): string {
  let shown = "";
  let copiedTo = 0;
  for (const range of secretRanges(text)) {
    shown += text.slice(copiedTo, range.start) + redacted;
    copiedTo = range.end;
  }
  return shown + text.slice(copiedTo);
}

/** Where secrets stand in a text: in order, never overlapping. */
export function secretRanges(text: string): TextRange[] {
  return joined([...assignmentRanges(text), ...shapeRanges(text)]);
}

// A name, perhaps quoted, then "=" or ":", then a value: quoted in any way TOML and JSON know, or up to the next separator.
const assignment =
  /(?<!\w)(["']?)([A-Za-z_][\w-]{0,100})\1(\s*[:=]\s*)("""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|(?:(?:Bearer|Basic|Token)\s+)?[^\s,;&"'}\]]+)/g;

function assignmentRanges(text: string): TextRange[] {
  const ranges: TextRange[] = [];
  for (const match of text.matchAll(assignment)) {
    const [whole, , name, , value] = match;
    if (name === undefined || value === undefined) continue;
    const quotes = /^(?:"""|'''|["']|)/.exec(value)?.[0].length ?? 0;
    const bare = value.slice(quotes, value.length - quotes);
    // "key: value" is how prose and messages about configuration speak; only a longer name says that the value is secret.
    if (bare === "" || /^keys?$/i.test(name) || !isSecretByName(name, bare)) continue;
    const end = match.index + whole.length - quotes;
    ranges.push({ start: end - bare.length, end });
  }
  return ranges;
}

function isSecretByName(name: string, value: string): boolean {
  if (!isSecretName(name) || value === "" || reference.test(value)) return false;
  return !noValue.test(value) && !(/tokens$/i.test(name) && plainNumber.test(value));
}

const knownShapes: readonly RegExp[] = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /\b(?:sk|rk|pk)[-_][A-Za-z0-9][A-Za-z0-9_-]{6,}/g,
  /\bcru_[A-Za-z0-9_-]{43}/g,
  /\b(?:gh[pousr]_|github_pat_|glpat-|npm_|hf_|gsk_|xai-|xox[abeprs]-|ya29\.)[A-Za-z0-9_-]{8,}/g,
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g,
  /\bAIza[A-Za-z0-9_-]{30,}/g,
  /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+)?/g,
  /(?<=\b(?:Bearer|Basic) )[A-Za-z0-9._~+/=-]{8,}/gi,
  /(?<=\b[a-z][a-z0-9+.-]*:\/\/[^\s:@/]*:)[^\s@/]+(?=@)/gi,
];
const candidate = /[A-Za-z0-9_+=-]{24,}/g;

function shapeRanges(text: string): TextRange[] {
  const known = knownShapes.flatMap((shape) => [...text.matchAll(shape)].map(rangeOf));
  const random = [...text.matchAll(candidate)].filter(([token]) => looksRandom(token)).map(rangeOf);
  return joined([...known, ...random]);
}

/**
 * Random text changes between capitals, small letters and digits all the time; names and paths do so rarely. Hexadecimal
 * digits count when there are 32 or more of them in one piece, so that UUIDs stay readable.
 */
function looksRandom(token: string): boolean {
  if (/[0-9a-f]{32,}/i.test(token) && /[a-f]/i.test(token) && /\d/.test(token)) return true;
  const letters = token.replace(/[^A-Za-z0-9]/g, "");
  if (!/[A-Z]/.test(letters) || !/[a-z]/.test(letters)) return false;
  let changes = 0;
  for (let at = 1; at < letters.length; at++) {
    if (characterClass(letters[at]) !== characterClass(letters[at - 1])) changes++;
  }
  return letters.length >= (/\d/.test(letters) ? 20 : 32) && changes >= letters.length / 3;
}

function characterClass(character: string | undefined): string {
  if (character === undefined) return "";
  if (character >= "0" && character <= "9") return "digit";
  return character >= "a" ? "small" : "capital";
}

function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .split(/[^a-z0-9]+/);
}

function rangeOf(match: RegExpExecArray): TextRange {
  return { start: match.index, end: match.index + match[0].length };
}

function joined(ranges: readonly TextRange[]): TextRange[] {
  const result: TextRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.start - b.start)) {
    const last = result.at(-1);
    if (last && range.start <= last.end)
      result[result.length - 1] = { start: last.start, end: Math.max(last.end, range.end) };
    else result.push(range);
  }
  return result;
}
