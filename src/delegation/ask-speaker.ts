/** How whoever has the conversation is asked: with what it has to be told besides, and in what its agent can take. */
import { fittingBlocks } from "../acp/prompt-blocks.ts";
import { promptOf, withNotes } from "./handoff-prompt.ts";
import type { Turn } from "./handoff-turn.ts";
import type { Speaker } from "./speaker.ts";

/** Gives the answer of its agent. Rejects with that one's error. */
export async function askSpeaker(speaker: Speaker, prompt: readonly unknown[], turn: Turn): Promise<unknown> {
  turn.heardBy.add(speaker);
  speaker.turnBegins();
  let answer: unknown;
  try {
    answer = await pass(speaker, prompt, turn);
    return answer;
  } finally {
    speaker.turnEnds(answer);
  }
}

function pass(speaker: Speaker, prompt: readonly unknown[], { request, next }: Turn): Promise<unknown> {
  const { method, params, signal, id } = request;
  const words = withNotes(speaker.takeNotes(prompt), prompt);
  const { successor } = speaker;
  if (successor) {
    const fitting = fittingBlocks(words, successor.promptCapabilities);
    return speaker.session.ask(method, { ...(params as object), prompt: fitting }, signal, id);
  }
  // As it came, wherever nothing has to be added: it may be of a kind nobody here knows.
  return next(words === promptOf(params) ? request : { ...request, params: { ...(params as object), prompt: words } });
}
