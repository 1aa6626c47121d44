/**
 * What was said and done in one session, as its client saw it: the user's messages, the agent's answer, tool calls and what
 * delegations brought back, in turns. Kept in memory within a bound, the oldest goes first. It only listens: nothing it is
 * given is changed, and reading it is dear while writing to it is cheap.
 */
import type { Interceptor } from "../acp/interceptor.ts";
import { blockText, promptText, toolOutput } from "../acp/content-text.ts";
import { isRecord } from "../acp/wire.ts";
import { headAndTail } from "../base/text.ts";
import { newsOnly } from "./replay.ts";
import type { Session } from "./session.ts";

/** Text kept of one session, in bytes of UTF-8. */
export const maxTranscriptBytes = 1024 * 1024;

/** Text kept of one message, one tool's output or one result, in bytes; of a longer one head and tail stay. */
export const maxEntryBytes = 64 * 1024;

/** Files named for one tool call. */
const maxLocations = 20;

export type TranscriptEntry =
  | { readonly kind: "user" | "agent"; readonly text: string }
  | ({ readonly kind: "tool" } & ToolCallFacts)
  | ({ readonly kind: "delegation" } & DelegationFacts);

export interface ToolCallFacts {
  readonly title: string;
  /** What sort of tool, in ACP's words (ACP, "Tool Calls"). */
  readonly toolKind: string;
  readonly status: string;
  /** Paths it names. */
  readonly locations: readonly string[];
  readonly output: string;
}

export interface DelegationFacts {
  readonly agent: string;
  readonly title: string;
  readonly status: string;
  readonly result: string;
}

/** One turn: what the user said, and all that followed until the next message of the user. */
export interface TranscriptTurn {
  readonly entries: readonly TranscriptEntry[];
  /** Entries at its beginning that were too many to keep. */
  readonly droppedEntries: number;
}

interface Message {
  kind: "user" | "agent";
  chunks: string[];
  bytes: number;
}

type Entry = Message | ToolCall | ({ kind: "delegation"; bytes: number } & DelegationFacts);

type ToolCall = { kind: "tool"; id: string; bytes: number } & ToolCallFacts;

interface Turn {
  entries: Entry[];
  droppedEntries: number;
  /** By the agent's id of the call. */
  tools: Map<string, ToolCall>;
}

/** What each entry and each turn counts besides its text, so that many empty ones are bounded too. */
const overheadBytes = 256;

export class Transcript {
  #turns: Turn[] = [];
  #droppedTurns = 0;
  #bytes = 0;

  /** Turns that were too many to keep. */
  get droppedTurns(): number {
    return this.#droppedTurns;
  }

  /** Oldest first; the last one may still be going on. */
  turns(): TranscriptTurn[] {
    return this.#turns.map(({ entries, droppedEntries }) => ({ entries: entries.map(finished), droppedEntries }));
  }

  /** The agent's ids of the tool calls of the last turn that have not come to an end. */
  unfinishedToolCalls(): string[] {
    const calls = [...(this.#turns.at(-1)?.tools.values() ?? [])];
    return calls.flatMap(({ id, status }) => (status === "completed" || status === "failed" ? [] : [id]));
  }

  /** The tap through which it hears a session. */
  tap(session: Session): Interceptor {
    const isNews = newsOnly(session, () => this.#turns.length > 0);
    return {
      name: "transcript",
      clientRequest: (request, next) => {
        if (request.method === "session/prompt") this.prompted(request.params);
        return next(request);
      },
      agentNotification: (notification, next) => {
        if (notification.method === "session/update" && isNews()) this.updated(notification.params);
        next(notification);
      },
    };
  }

  /** Takes the parameters of a `session/prompt`: a new turn begins. */
  prompted(params: unknown): void {
    this.#begin(promptText(params));
  }

  /** Takes the parameters of a `session/update`, live ones as well as those of a conversation that is loaded. */
  updated(params: unknown): void {
    const update = isRecord(params) ? params["update"] : undefined;
    if (!isRecord(update)) return;
    switch (update["sessionUpdate"]) {
      case "agent_message_chunk":
        return this.#said("agent", blockText(update["content"]));
      case "user_message_chunk":
        return this.#replayed(blockText(update["content"]));
      case "tool_call":
      case "tool_call_update":
        return this.#used(update);
    }
  }

  /** What a delegation of this session came to. */
  delegated(facts: DelegationFacts): void {
    if (this.#turns.length === 0) this.#begin("");
    const result = shortened(facts.result);
    this.#push({ kind: "delegation", ...facts, result, bytes: byteLength(facts.title) + byteLength(result) });
  }

  #begin(text: string): void {
    this.#turns.push({ entries: [], droppedEntries: 0, tools: new Map() });
    this.#grown(overheadBytes);
    this.#said("user", text);
  }

  // While a conversation is loaded the user's messages come as updates; the first after anything else begins a turn.
  #replayed(text: string): void {
    const last = this.#turns.at(-1);
    const goesOn = last !== undefined && last.entries.every(({ kind }) => kind === "user");
    if (goesOn) this.#said("user", text);
    else this.#begin(text);
  }

  #said(kind: Message["kind"], whole: string): void {
    if (whole === "") return;
    const text = shortened(whole);
    if (this.#turns.length === 0) this.#begin("");
    const bytes = byteLength(text);
    const last = this.#turns.at(-1)!.entries.at(-1);
    // A long message goes into several entries, so that its beginning can be let go.
    if (last?.kind !== kind || last.bytes + bytes > maxEntryBytes) return this.#push({ kind, chunks: [text], bytes });
    last.chunks.push(text);
    last.bytes += bytes;
    this.#grown(bytes);
  }

  #used(update: Record<string, unknown>): void {
    if (this.#turns.length === 0) this.#begin("");
    const turn = this.#turns.at(-1)!;
    const id = String(update["toolCallId"]);
    const known = turn.tools.get(id);
    if (known) {
      const before = known.bytes;
      Object.assign(known, toolFacts(update, known));
      known.bytes = byteLength(id) + toolBytes(known);
      return this.#grown(known.bytes - before);
    }
    const facts = toolFacts(update, { title: "a tool", toolKind: "other", status: "", locations: [], output: "" });
    const call: ToolCall = { kind: "tool", id, ...facts, bytes: byteLength(id) + toolBytes(facts) };
    turn.tools.set(id, call);
    this.#push(call);
  }

  #push(entry: Entry): void {
    this.#turns.at(-1)!.entries.push(entry);
    this.#grown(entry.bytes + overheadBytes);
  }

  #grown(bytes: number): void {
    this.#bytes += bytes;
    while (this.#bytes > maxTranscriptBytes) {
      const [oldest] = this.#turns;
      if (!oldest) return;
      if (this.#turns.length > 1) {
        this.#turns.shift();
        this.#droppedTurns++;
        this.#bytes -= oldest.entries.reduce((sum, entry) => sum + entry.bytes + overheadBytes, overheadBytes);
      } else {
        const entry = oldest.entries.shift();
        if (!entry) return;
        oldest.droppedEntries++;
        if (entry.kind === "tool") oldest.tools.delete(entry.id);
        this.#bytes -= entry.bytes + overheadBytes;
      }
    }
  }
}

function finished(entry: Entry): TranscriptEntry {
  if (!("chunks" in entry)) return entry;
  const text = entry.chunks.join("");
  entry.chunks = [text];
  return { kind: entry.kind, text };
}

/** The facts of a tool call after an update, which leaves out what stays as it is. */
function toolFacts(update: Record<string, unknown>, before: ToolCallFacts): ToolCallFacts {
  const output = toolOutput(update);
  return {
    title: textOf(update["title"]) || before.title,
    toolKind: textOf(update["kind"]) || before.toolKind,
    status: textOf(update["status"]) || before.status,
    locations: Array.isArray(update["locations"])
      ? update["locations"].slice(0, maxLocations).flatMap(pathOf)
      : before.locations,
    output: output === undefined ? before.output : shortened(output),
  };
}

function pathOf(location: unknown): string[] {
  return isRecord(location) && typeof location["path"] === "string" ? [location["path"]] : [];
}

function toolBytes({ title, toolKind, status, locations, output }: ToolCallFacts): number {
  return [title, toolKind, status, output, ...locations].reduce((sum, text) => sum + byteLength(text), 0);
}

function shortened(text: string): string {
  // Characters bound bytes from below; a short text needs no counting.
  if (text.length * 3 <= maxEntryBytes) return text;
  return headAndTail(text, maxEntryBytes, (omitted) => `\n[… ${omitted} bytes left out …]\n`).text;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function byteLength(text: string): number {
  return Buffer.byteLength(text, "utf8");
}
