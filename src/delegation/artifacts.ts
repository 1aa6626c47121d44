/**
 * What a child did besides talking: files it changed and commands it ran, as its agent reports them in `session/update`
 * (ACP, "Tool Calls") and as Crucible saw it write. Bounded in number and size; what is left out is counted. It believes the
 * agent: an agent that reports nothing has no artifacts.
 */
import { isAbsolute, relative, resolve } from "node:path";
import { isRecord } from "../acp/wire.ts";
import { monotonicMs } from "../base/clock.ts";
import { oneLine } from "../base/text.ts";
import { commandIn, exitCodeIn, terminalsIn } from "./command-facts.ts";
import {
  diffOf,
  maxAllComparedCharacters,
  maxComparedCharacters,
  roughCounts,
  withCounts,
  type Change,
} from "./file-changes.ts";

/** Changed files that are listed; of more, only how many. */
export const maxListedFiles = 50;

/** Commands that are listed; the first ones, and of more only how many. */
export const maxListedCommands = 50;

/** Diffs of all files together, in characters; files whose diff does not fit are listed without. */
export const maxListedDiffCharacters = 16 * 1024;

/** Files written through Crucible for one child that are followed; writes of later ones are only counted. */
export const maxFollowedFiles = 5000;

/** Tool calls of one child that are followed; later ones are only counted. */
export const maxFollowedToolCalls = 5000;

const maxCommandCharacters = 300;

/** Longest path that is listed, in characters; macOS knows none that is longer. Files with a longer one are only counted. */
export const maxPathCharacters = 1024;

/** Of the words by which an agent tells its tool calls and their kinds apart, in characters. */
const maxWordCharacters = 200;

/** Paths, diffs and terminals of one tool call that are looked at, of each the first. */
export const maxPathsOfCall = 100;

/** Time for all diffs of one delegation together, in milliseconds; files that come later are counted without a diff. */
export const compareAllMs = 1000;

export type Artifact =
  | { kind: "diff"; path: string; added: number; removed: number; diff?: string }
  | { kind: "file"; path: string; change: "edit" | "delete" | "move" }
  | { kind: "command"; command: string; exit_code: number | null; failed?: true }
  | { kind: "omitted"; files: number; commands: number; tool_calls: number };

/** A file that was written through Crucible. */
export interface WrittenFile {
  /** Absolute. */
  path: string;
  /** Null if it is new, undefined if nobody knows. */
  before: string | null | undefined;
  after: string;
}

/** A command that was run through Crucible. */
export interface RanCommand {
  terminalId: string;
  command: string;
  /** Null while it runs, and when a signal ended it. */
  exitCode: number | null;
}

interface ToolCall {
  kind: string;
  title: string;
  failed: boolean;
  command: string | undefined;
  exitCode: number | null;
  /** Absolute paths it names. */
  locations: string[];
  /** Terminals through Crucible that it shows. */
  terminals: string[];
  diffs: { path: string; change: Change }[];
}

type Fields = Record<string, unknown>;

export class Artifacts {
  readonly #calls = new Map<string, ToolCall>();
  readonly #ran = new Map<string, RanCommand>();
  readonly #writes = new Map<string, Change[]>();
  /** Written without its earlier text being known. */
  readonly #rewritten = new Set<string>();
  #unfollowedFiles = 0;
  #keptCharacters = 0;
  #unfollowedCalls = 0;

  /** Whether a file was written through Crucible. */
  get hasWritten(): boolean {
    return this.#writes.size > 0 || this.#rewritten.size > 0;
  }

  /** Takes the parameters of a `session/update`. */
  update(params: unknown): void {
    const update = isRecord(params) ? params["update"] : undefined;
    if (!isRecord(update)) return;
    if (update["sessionUpdate"] !== "tool_call" && update["sessionUpdate"] !== "tool_call_update") return;
    const call = this.#callOf(String(update["toolCallId"]).slice(0, maxWordCharacters));
    if (call) this.#merge(call, update);
    else if (update["sessionUpdate"] === "tool_call") this.#unfollowedCalls++;
  }

  /** A file was written on the child's behalf. */
  wrote({ path, before, after }: WrittenFile): void {
    const isKnown = this.#writes.has(path) || this.#rewritten.has(path);
    if (!isKnown && this.#writes.size + this.#rewritten.size >= maxFollowedFiles) {
      this.#unfollowedFiles++;
      return;
    }
    if (before === undefined && !this.#writes.has(path)) {
      this.#rewritten.add(path);
      return;
    }
    const changes = this.#writes.get(path) ?? [];
    const last = changes.at(-1);
    // Only the first and the last state matter of a file that is written again and again.
    const first = last && "oldText" in last ? last : undefined;
    if (first) this.#forget(changes.pop());
    const change = this.#keep(first ? first.oldText : (before ?? null), after);
    this.#writes.set(path, withCounts(changes, change));
  }

  /** A command was run on the child's behalf, or has ended. */
  ran(command: RanCommand): void {
    const isKnown = this.#ran.has(command.terminalId);
    if (isKnown || this.#ran.size < maxFollowedToolCalls) {
      this.#ran.set(command.terminalId, { ...command, command: cut(command.command) ?? "" });
    } else if (command.exitCode === null) this.#unfollowedCalls++;
  }

  /** As they stand in the result; paths inside `cwd` are relative to it. Deleted and moved files come after changed ones. */
  list(cwd: string): Artifact[] {
    const files = this.#files(cwd);
    const listed = files.filter(({ path }) => path.length <= maxPathCharacters).slice(0, maxListedFiles);
    const commands = this.#commands();
    const omitted = {
      files: files.length - listed.length + this.#unfollowedFiles,
      commands: Math.max(0, commands.length - maxListedCommands),
      tool_calls: this.#unfollowedCalls,
    };
    const isComplete = Object.values(omitted).every((count) => count === 0);
    return [
      ...withDiffs(listed),
      ...commands.slice(0, maxListedCommands),
      ...(isComplete ? [] : [{ kind: "omitted" as const, ...omitted }]),
    ];
  }

  #callOf(id: string): ToolCall | undefined {
    const known = this.#calls.get(id);
    if (known) return known;
    if (this.#calls.size >= maxFollowedToolCalls) return undefined;
    const call: ToolCall = {
      kind: "other",
      title: "",
      failed: false,
      command: undefined,
      exitCode: null,
      locations: [],
      terminals: [],
      diffs: [],
    };
    this.#calls.set(id, call);
    return call;
  }

  // An update leaves out what stays as it is, and gives content and locations whole.
  #merge(call: ToolCall, update: Fields): void {
    call.kind = textOf(update["kind"])?.slice(0, maxWordCharacters) ?? call.kind;
    call.title = cut(textOf(update["title"])) ?? call.title;
    if (textOf(update["status"]) !== undefined) call.failed = update["status"] === "failed";
    call.command = cut(commandIn(update["rawInput"])) ?? call.command;
    call.exitCode = exitCodeIn(update) ?? call.exitCode;
    call.terminals.push(...terminalsIn(update).slice(0, maxPathsOfCall - call.terminals.length));
    if (Array.isArray(update["locations"]))
      call.locations = update["locations"].slice(0, maxPathsOfCall).flatMap(pathIn);
    if (Array.isArray(update["content"])) this.#replaceDiffs(call, update["content"]);
  }

  #replaceDiffs(call: ToolCall, content: readonly unknown[]): void {
    const shown = content.flatMap(diffIn).slice(0, maxPathsOfCall);
    if (shown.length === 0) return;
    for (const { change } of call.diffs) this.#forget(change);
    call.diffs = shown.map(({ path, oldText, newText }) => ({ path, change: this.#keep(oldText, newText) }));
  }

  #keep(oldText: string | null, newText: string): Change {
    const characters = (oldText?.length ?? 0) + newText.length;
    if (characters > maxComparedCharacters || this.#keptCharacters + characters > maxAllComparedCharacters) {
      return roughCounts(oldText, newText);
    }
    this.#keptCharacters += characters;
    return { oldText, newText };
  }

  #forget(change: Change | undefined): void {
    if (change && "newText" in change) this.#keptCharacters -= (change.oldText?.length ?? 0) + change.newText.length;
  }

  #files(cwd: string): ChangedFile[] {
    const happened = [...this.#calls.values()].filter(({ failed }) => !failed);
    const edited = new Map<string, Change[]>();
    for (const { path, change } of happened.flatMap(({ diffs }) => diffs)) {
      const absolute = resolve(cwd, path);
      const changes = edited.get(absolute);
      if (changes) changes.push(change);
      else edited.set(absolute, [change]);
    }
    // What Crucible wrote it knows better than the agent that shows it.
    for (const [path, written] of this.#writes) edited.set(path, written);

    const located = new Map<string, ChangedFile>();
    const rewritten = { kind: "edit", locations: [...this.#rewritten] };
    for (const { kind, locations } of [rewritten, ...happened]) {
      if (kind !== "edit" && kind !== "delete" && kind !== "move") continue;
      for (const path of locations.map((location) => resolve(cwd, location))) {
        if (kind === "edit" && (edited.has(path) || located.has(path))) continue;
        located.set(path, { path: within(cwd, path), change: kind });
      }
    }
    return [...[...edited].map(([path, changes]) => ({ path: within(cwd, path), changes })), ...located.values()];
  }

  #commands(): Artifact[] {
    const told = [...this.#calls.values()].filter(({ kind }) => kind === "execute");
    const shown = new Set(told.flatMap(({ terminals }) => terminals));
    const untold = [...this.#ran.values()].filter(({ terminalId }) => !shown.has(terminalId));
    return [...told.map((call) => commandArtifact(this.#asRan(call))), ...untold.map(ranArtifact)];
  }

  /** What Crucible ran it knows better than the agent that shows it. */
  #asRan(call: ToolCall): ToolCall {
    const ran = call.terminals.map((id) => this.#ran.get(id)).find((one) => one !== undefined);
    return ran ? { ...call, command: ran.command, exitCode: ran.exitCode } : call;
  }
}

function commandArtifact({ command, title, exitCode, failed }: ToolCall): Artifact {
  const text = oneLine(command ?? title.replace(/^`(.*)`$/s, "$1"), maxCommandCharacters);
  const artifact = { kind: "command", command: text, exit_code: exitCode } as const;
  return failed ? { ...artifact, failed: true } : artifact;
}

function ranArtifact({ command, exitCode }: RanCommand): Artifact {
  return { kind: "command", command: oneLine(command, maxCommandCharacters), exit_code: exitCode };
}

type ChangedFile = { path: string; changes: Change[] } | { path: string; change: "edit" | "delete" | "move" };

function withDiffs(files: readonly ChangedFile[]): Artifact[] {
  const deadline = monotonicMs() + compareAllMs;
  let room = maxListedDiffCharacters;
  return files.map((file): Artifact => {
    const { path } = file;
    if ("change" in file) return { kind: "file", path, change: file.change };
    const { diff, added, removed } = diffOf(path, file.changes, deadline);
    if (diff === undefined || diff.length > room) return { kind: "diff", path, added, removed };
    room -= diff.length;
    return { kind: "diff", path, added, removed, diff };
  });
}

function within(cwd: string, path: string): string {
  const steps = relative(cwd, path);
  const isInside = steps !== "" && steps !== ".." && !steps.startsWith("../") && !isAbsolute(steps);
  return isInside ? steps : path;
}

function diffIn(item: unknown): { path: string; oldText: string | null; newText: string }[] {
  if (!isRecord(item) || item["type"] !== "diff") return [];
  const { path, oldText, newText } = item;
  if (typeof path !== "string" || typeof newText !== "string") return [];
  return [{ path, oldText: typeof oldText === "string" ? oldText : null, newText }];
}

function pathIn(location: unknown): string[] {
  return isRecord(location) && typeof location["path"] === "string" ? [location["path"]] : [];
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

// Cut before it is kept; how it is shown is decided at the end.
function cut(text: string | undefined): string | undefined {
  return text?.slice(0, 2 * maxCommandCharacters);
}
