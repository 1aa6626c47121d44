/**
 * `session/load` to the end of its replay (ACP, "Loading Sessions"). An agent should have told all of the conversation before it
 * answers; Gemini answers first and goes on. Whoever asks here may take what comes after the answer for news.
 */
import { within } from "../base/deadline.ts";
import type { Peer, RequestOptions } from "./wire.ts";

/** How long an agent has to answer one more request, in milliseconds; then its replay is taken to be over. */
const replayEndMs = 1000;

interface Request {
  method: string;
  params: unknown;
  options: RequestOptions | undefined;
}

/** The agent's answer; that to `session/load` once the agent has told all that belongs to it. */
export function requestWhole(agent: Peer, { method, params, options }: Request): Promise<unknown> {
  const answer = agent.request(method, params, options);
  return method === "session/load" ? afterReplay(agent, answer) : answer;
}

async function afterReplay(agent: Peer, answer: Promise<unknown>): Promise<unknown> {
  const answered = await answer;
  // The agent reads this when it has nothing left to say, and refuses it as unknown: extensions are named so (ACP, "Extensibility").
  const refusal = agent.request("_crucible/replay_end", {}).catch(() => undefined);
  await within(refusal, replayEndMs);
  return answered;
}
