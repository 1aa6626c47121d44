/**
 * A stretch of one conversation as it stands in one row of the store: JSON Lines, a line for each message. What an agent
 * streams in small pieces of text becomes one message, as long as nothing else comes in between and nothing but text is in it.
 */
import { isRecord, withSessionId } from "../acp/wire.ts";
import type { NewMessage, RelayedMessage } from "./records.ts";

/** Text of one stretch, in characters; the message that reaches this is its last. */
export const maxSegmentCharacters = 16 * 1024;

const streamed = new Set(["agent_message_chunk", "agent_thought_chunk", "user_message_chunk"]);

/** A message that grows while pieces of the same kind follow. */
interface Growing {
  at: number;
  kind: string;
  messageId: unknown;
  texts: string[];
}

export class Segment {
  readonly sessionId: string;
  /** Number of its first message. */
  readonly first: number;
  #lines: string[] = [];
  #growing: Growing | undefined;
  #characters = 0;
  #count = 0;
  /** Whether it has grown since it was last written. */
  isDirty = false;

  constructor(sessionId: string, first: number) {
    this.sessionId = sessionId;
    this.first = first;
  }

  get characters(): number {
    return this.#characters;
  }

  get isFull(): boolean {
    return this.#characters >= maxSegmentCharacters;
  }

  /** Number of its last message. */
  get last(): number {
    return this.first + this.#count - 1;
  }

  add(message: NewMessage): void {
    const piece = message.from === "agent" ? streamedText(message) : undefined;
    if (piece && this.#growing && continues(this.#growing, piece)) {
      this.#growing.texts.push(piece.text);
      this.#characters += piece.text.length;
    } else {
      this.#settle();
      this.#count++;
      if (piece) this.#grow(message.at, piece);
      else this.#push(keptLine(message));
    }
    this.isDirty = true;
  }

  /** All of it as JSON Lines. */
  text(): string {
    const lines = this.#growing ? [...this.#lines, grownLine(this.#growing, this.sessionId)] : this.#lines;
    return lines.join("\n");
  }

  #settle(): void {
    if (!this.#growing) return;
    this.#lines.push(grownLine(this.#growing, this.sessionId));
    this.#growing = undefined;
  }

  #grow(at: number, { kind, messageId, text }: Piece): void {
    this.#growing = { at, kind, messageId, texts: [text] };
    this.#characters += text.length;
  }

  #push(line: string): void {
    this.#lines.push(line);
    this.#characters += line.length;
  }
}

/** What stands in the place of a stretch that could not be kept. */
export function droppedNote(lost: { messages: number; bytes: number }): string {
  const note = { sessionId: "", at: Date.now(), from: "crucible", method: "crucible/dropped", params: lost } as const;
  return lineOf(note, JSON.stringify(lost));
}

/** The messages of a stretch, under the session's own id. */
export function messagesIn(segment: { sessionId: string; first: number; text: string }): RelayedMessage[] {
  const { sessionId, first, text } = segment;
  return text.split("\n").map((line, index) => {
    const { at, from, method, params } = JSON.parse(line) as Omit<RelayedMessage, "sessionId" | "number">;
    return { sessionId, number: first + index, at, from, method, params: underOwnId(params, sessionId) };
  });
}

// A line as it was relayed names the agent's id of the session; notes and answers name none.
function underOwnId(params: unknown, sessionId: string): unknown {
  return isRecord(params) && "sessionId" in params ? withSessionId(params, sessionId) : params;
}

/** Never throws: in the place of what is nested too deeply to be written stands a note. */
function keptLine(message: NewMessage): string {
  try {
    return lineOf(message, paramsText(message));
  } catch {
    return droppedNote({ messages: 1, bytes: message.line?.length ?? 0 });
  }
}

function lineOf({ at, from, method }: NewMessage, params: string): string {
  // What a relayed line may have had besides its params stands before Crucible's own fields, which count.
  return `{"params":${params},${JSON.stringify({ at, from, method }).slice(1)}`;
}

function grownLine({ at, kind, messageId, texts }: Growing, sessionId: string): string {
  const content = { type: "text", text: texts.join("") };
  const update = { sessionUpdate: kind, content, ...(messageId === undefined ? {} : { messageId }) };
  const message = { sessionId, from: "agent", at, method: "session/update", params: undefined } as const;
  return lineOf(message, JSON.stringify({ sessionId, update }));
}

/** The params as they stand in the line they came in, where that is sure; else written anew. */
function paramsText({ method, params, line }: NewMessage): string {
  const head = `{"jsonrpc":"2.0","method":${JSON.stringify(method)},"params":`;
  if (line?.startsWith(`${head}{`) && line.endsWith("}}") && !line.includes("\n")) {
    return line.slice(head.length, -1);
  }
  return JSON.stringify(params ?? null);
}

interface Piece {
  kind: string;
  messageId: unknown;
  text: string;
}

/** A piece of streamed text that has nothing in it but its text. */
function streamedText({ method, params }: NewMessage): Piece | undefined {
  if (method !== "session/update" || !isRecord(params) || countOf(params) !== 2) return undefined;
  const { update } = params;
  if (!isRecord(update)) return undefined;
  const { sessionUpdate: kind, content, messageId } = update;
  if (typeof kind !== "string" || !streamed.has(kind) || !isRecord(content)) return undefined;
  const { text } = content;
  const isPlain =
    countOf(update) === ("messageId" in update ? 3 : 2) &&
    countOf(content) === 2 &&
    content["type"] === "text" &&
    typeof text === "string";
  return isPlain ? { kind, messageId, text } : undefined;
}

function continues(growing: Growing, piece: Piece): boolean {
  return growing.kind === piece.kind && growing.messageId === piece.messageId;
}

function countOf(record: Record<string, unknown>): number {
  let count = 0;
  for (const _ in record) count++;
  return count;
}
