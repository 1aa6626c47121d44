/**
 * The first prompt of an agent that takes a conversation over: the note of the one before, what was said so far where it is to
 * know it, and the user's last message as it came.
 */
import { isRecord } from "../acp/wire.ts";
import { textBlocks } from "./brief.ts";
import { noteToFormer, noteToSuccessor, returnCommand, type Handing } from "./handoff-words.ts";

const usersLastMessage = "The user's last message, which you answer now:";

const nothing: readonly unknown[] = [];

/** The content blocks of a `session/prompt`. */
export function promptOf(params: unknown): readonly unknown[] {
  return isRecord(params) && Array.isArray(params["prompt"]) ? (params["prompt"] as unknown[]) : nothing;
}

/** Whether the user says nothing but that the first agent shall go on. */
export function isReturn(params: unknown): boolean {
  const [block, ...others] = promptOf(params);
  const text = isRecord(block) && block["type"] === "text" ? block["text"] : undefined;
  return others.length === 0 && typeof text === "string" && text.trim() === `/${returnCommand}`;
}

/** The prompt with what its agent has to be told before it. */
export function withNotes(notes: readonly string[], prompt: readonly unknown[]): readonly unknown[] {
  return notes.length === 0 ? prompt : [...textBlocks(notes), ...separated(prompt)];
}

export interface TakeoverWords {
  handing: Handing;
  /** The note is in its system prompt. */
  hasNote: boolean;
  /** What was said so far; undefined = it is not told. */
  conversation: string | undefined;
  /** What the user said last. */
  users: readonly unknown[];
}

export function takeoverPrompt({ handing, hasNote, conversation, users }: TakeoverWords): unknown[] {
  const note = hasNote ? undefined : noteToSuccessor(handing);
  return [...textBlocks([note, conversation, usersLastMessage]), ...separated(users)];
}

/** For one that knows the conversation; `users` is undefined when it has heard that, too. */
export function returnPrompt(handing: Handing, users: readonly unknown[] | undefined): unknown[] {
  if (!users) return textBlocks([noteToFormer(handing)]);
  return [...textBlocks([noteToFormer(handing), usersLastMessage]), ...separated(users)];
}

/** Agents join blocks without a space between them. */
function separated(prompt: readonly unknown[]): unknown[] {
  return [...textBlocks(["\n\n"]), ...prompt];
}
