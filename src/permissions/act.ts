/** What an agent is about to do through its client without having asked, and the question that Crucible asks about it. */
import { newId } from "../base/ids.ts";
import { ownOptions } from "./answers.ts";
import { absolutePath, lineOf, type Deed } from "./deed.ts";
import { permissionDenied } from "./errors.ts";
import { isPathKind, type ToolKind } from "./tool-kinds.ts";

export interface Act {
  kind: ToolKind;
  /**
   * What it is done to; every name that is known of it, where there are several. The whole command line for `execute`; absolute
   * paths for `read`, `edit`, `delete`, `move` and `search`, as named and as they really are where links lead elsewhere.
   */
  subjects: readonly string[];
  /** For people: what it is, in a few words. */
  title: string;
  /** Aborts when nobody waits for it any more. */
  signal?: AbortSignal | undefined;
}

export function deedOfAct({ kind, subjects, title }: Act, cwd: string): Deed {
  return {
    kind,
    title,
    commands: kind === "execute" ? subjects.map((subject) => lineOf(subject)) : [],
    paths: isPathKind(kind) ? subjects.map((subject) => ({ kind, path: absolutePath(subject, cwd) })) : [],
    addresses: kind === "fetch" ? subjects : [],
    tools: kind === "mcp" ? subjects : [],
  };
}

/** Params of a `session/request_permission` of Crucible's own (ACP, "Requesting Permission"). */
export function ownQuestion({ kind, subjects, title }: Act): Record<string, unknown> {
  const about = isPathKind(kind)
    ? { locations: subjects.map((path) => ({ path })) }
    : { rawInput: kind === "execute" ? { command: subjects[0] } : {} };
  const toolCall = {
    toolCallId: newId("ask"),
    title,
    kind: kind === "mcp" ? "other" : kind,
    status: "pending",
    ...about,
  };
  return { toolCall, options: ownOptions };
}

export function refusalOf({ title }: Act, why: string): Error {
  return permissionDenied.create(`not allowed: ${title} (${why})`, {
    hint: "do without, and say in your report what you could not do",
  });
}
