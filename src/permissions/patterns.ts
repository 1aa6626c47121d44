/**
 * The patterns of rules: `*` stands for any characters in commands, addresses and names; paths have globs, as in .gitignore: a
 * pattern without a slash is a name at any depth, one with a slash counts from the kiln, one that begins with `/` or `~/` is
 * absolute. Pure functions of text.
 */
import picomatch from "picomatch";
import { homeDirectory } from "../base/paths.ts";

/** Whether a name fits. */
export type Matcher = (name: string) => boolean;

/** For commands: quotes count for nothing, and `rm *` fits `rm` alone, too. */
export function commandPattern(pattern: string, ignoreCase: boolean): Matcher {
  const spellings = [pattern, pattern.replace(/["']/g, "")].map((text) => text.trim().replace(/\s+/g, " "));
  const endings = spellings.flatMap((text) => (text.endsWith(" *") ? [text, text.slice(0, -2)] : [text]));
  return anyOf([...new Set(endings)].map((text) => textPattern(text, ignoreCase)));
}

/** Whether a command that begins so may fit: its rest is not known. */
export function commandMayFit(pattern: string, beginning: string): boolean {
  const text = pattern.trim().replace(/\s+/g, " ");
  const literal = text.split("*", 1)[0] ?? "";
  return literal.startsWith(beginning) || (text.includes("*") && beginning.startsWith(literal));
}

/** For names and addresses. */
export function textPattern(pattern: string, ignoreCase: boolean): Matcher {
  const fold = (text: string): string => (ignoreCase ? text.toLowerCase() : text);
  const pieces = fold(pattern).split("*");
  return (name) => fitsPieces(fold(name), pieces);
}

/** Greedy from the left, which finds a fit if there is one, in time proportional to the lengths. */
function fitsPieces(text: string, pieces: readonly string[]): boolean {
  const [first = "", ...rest] = pieces;
  if (rest.length === 0) return text === first;
  if (!text.startsWith(first)) return false;
  const last = rest.pop() ?? "";
  let at = first.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found === -1) return false;
    at = found + piece.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}

/** For paths. A pattern that counts from the kiln fits no absolute path. */
export function pathPattern(pattern: string, ignoreCase: boolean): Matcher {
  // Globs do not look past the end of a line, but names of files may hold one.
  const fold = (text: string): string =>
    (ignoreCase ? text.normalize("NFC") : text).replace(/[\n\r\u2028\u2029]/g, "\ufffd");
  const wanted = fold(
    pattern === "~" || pattern.startsWith("~/") ? homeDirectory() + pattern.slice(1) : pattern.replace(/^\.\//, ""),
  );
  const isAbsolute = wanted.startsWith("/");
  const glob = wanted.includes("/") ? wanted : `**/${wanted}`;
  const fits = picomatch(glob, { dot: true, nonegate: true, nocase: ignoreCase });
  // A pattern may name a file whose own name has the characters of patterns.
  return (name) => name.startsWith("/") === isAbsolute && (name === wanted || fits(fold(name)));
}

/** For tools of MCP servers: `mcp__server__tool`, `server/tool` and `server_tool` are one name. */
export function toolPattern(pattern: string): Matcher {
  const fits = textPattern(canonicalToolName(pattern), false);
  return (name) => fits(canonicalToolName(name));
}

export function canonicalToolName(name: string): string {
  return name
    .trim()
    .replace(/^mcp(?:__|_|:|\.|\/)/i, "")
    .replace(/__|[/.:]/g, "_");
}

function anyOf(matchers: readonly Matcher[]): Matcher {
  return (name) => matchers.some((fits) => fits(name));
}
