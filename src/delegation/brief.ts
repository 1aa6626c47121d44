/**
 * The first message a child gets. The task stands first and by itself, word for word; what Crucible adds follows in blocks of
 * its own, so that neither an agent nor a person can mistake one for the other. Nothing of the parent's conversation is in it
 * but what the parent wrote or asked to pass on.
 */
import { fillBrief } from "../config/brief-template.ts";
import type { Worktree } from "./ports.ts";

export interface BriefInput {
  task: string;
  context: string | undefined;
  /** What the caller passes on of its own conversation; see context.ts. */
  conversation?: string | undefined;
  /** What is special about the place it works in. */
  note?: string | undefined;
  /** The closing words of the child's own profile, in place of the usual ones; empty = none. */
  template?: string | undefined;
  /** Name of the profile that asks, for the child to know whom it reports to. */
  from: string;
  /** The directory inside which the child works. */
  cwd: string;
}

export interface TextBlock {
  type: "text";
  text: string;
}

/** How every brief closes unless the child's profile says otherwise (`brief`). */
const usualClosing = [
  "This task was delegated to you by another agent ({from}). Work in {cwd} and nowhere else.",
  "You see only what is written here, and nobody can answer questions: decide, and say what you assumed.",
  "Your last message is what the other agent receives. End with a short report:",
  "what you did, what you found, which files you changed, and what is still open.",
].join("\n");

/** Content blocks for `session/prompt` (ACP, "Prompt Turn"). */
export function brief(input: BriefInput): TextBlock[] {
  const { task, context, conversation, note, template, from, cwd } = input;
  return textBlocks([
    task,
    context && `Context given by ${from}:\n${context}`,
    conversation,
    note,
    fillBrief(template ?? usualClosing, { from, cwd }),
  ]);
}

/** For a child that works in a worktree of its own. */
export function worktreeNote({ checkout, commit }: Pick<Worktree, "checkout" | "commit">): string {
  return [
    `You work in a git worktree of your own, made from commit ${commit.slice(0, 12)} of ${checkout}.`,
    "What is not committed there is not in it. You need not commit: when you are done, all that differs from that commit is",
    "handed over as a patch, and the worktree is removed.",
  ].join("\n");
}

/** For a child that has its caller's conversation behind it, and would else take itself for its caller. */
export function forkNote(from: string): string {
  return [
    `You are a copy of ${from}, made in the middle of its conversation. All that was said before this message is yours to use,`,
    "but that conversation goes on without you: what stands above in this message is your only task.",
  ].join("\n");
}

/** One block for each text that is not empty. */
export function textBlocks(texts: readonly (string | undefined)[]): TextBlock[] {
  const filled = texts.filter((text) => text !== undefined && text !== "");
  // Agents join blocks without a space between them, so each brings its own distance.
  return filled.map((text, index) => ({ type: "text", text: index === 0 ? text! : `\n\n${text}` }));
}
