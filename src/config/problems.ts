/** What is wrong with a configuration file, gathered so that one run reports everything, each with its place. */
import { listed } from "../base/text.ts";
import type { CrucibleError } from "../base/errors.ts";
import { codeFrame } from "./code-frame.ts";
import { configInvalid } from "./errors.ts";
import type { KeyPath } from "./positions.ts";
import { placeOf, type ConfigSource } from "./source.ts";

export interface Problem {
  /** The key that is wrong, or the nearest one to point at. */
  readonly path: KeyPath;
  /** What the mark stands under. */
  readonly part: "key" | "value";
  readonly message: string;
  /** What to do: one sentence without a full stop. */
  readonly hint?: string;
}

/** Problems that are told in full; of more, only how many. */
export const maxReportedProblems = 20;

/** One CRU_CONFIG_INVALID for all problems of a file, in the order of the text, at most 20 of them in full. */
export function invalidConfig(source: ConfigSource, problems: readonly Problem[]): CrucibleError {
  const placed = problems
    .map((problem) => ({ ...problem, place: placeOf(source, problem.path, problem.part) }))
    .toSorted((a, b) => a.place.span.start - b.place.span.start);
  const reported = placed.slice(0, maxReportedProblems);
  const texts = reported.map(({ message, place }) => {
    const frame = codeFrame(source.text, place.span);
    return `${source.file}:${place.line}:${place.column}: ${message}\n\n${frame}`;
  });
  if (placed.length > reported.length) texts.push(`and ${placed.length - reported.length} more`);
  const heading = placed.length === 1 ? [] : [`${placed.length} problems in ${source.file}`];

  return configInvalid.create([...heading, ...texts].join("\n\n"), {
    hint: hintFor(reported),
    details: {
      file: source.file,
      problems: reported.map(({ message, hint, place }) => ({ line: place.line, column: place.column, message, hint })),
    },
  });
}

function hintFor(problems: readonly Problem[]): string {
  const hints = new Set(problems.flatMap((problem) => problem.hint ?? []));
  if (hints.size === 1) return [...hints].join("");
  return `Correct ${problems.length === 1 ? "this place" : "these places"} and try \`crucible config check\``;
}

/** `"a", "b" or "c"`, for messages. */
export function quotedList(names: Iterable<string>, word?: "or" | "and"): string {
  return listed(
    [...names].map((name) => `"${name}"`),
    word,
  );
}
