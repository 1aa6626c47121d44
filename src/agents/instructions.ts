/**
 * A profile's `instructions`: part of the system prompt where the agent takes one (`sessionCapabilities.systemPrompt`, an ACP
 * draft), else the first words of the first prompt.
 */
import type { Interceptor } from "../acp/interceptor.ts";
import { isRecord } from "../acp/wire.ts";
import type { Agent } from "./agent.ts";

export function takesSystemPrompt(agent: Agent): boolean {
  const capabilities = agent.initializeResult["agentCapabilities"];
  const session = isRecord(capabilities) ? capabilities["sessionCapabilities"] : undefined;
  return isRecord(session) && isRecord(session["systemPrompt"]);
}

/** Additional parameters of `session/new` for an agent that takes a system prompt. */
export function systemPrompt(instructions: string): Record<string, unknown> {
  return { systemPrompt: { mode: "append", content: [{ type: "text", text: instructions }] } };
}

/** Puts the text before the first prompt, once, unless `given()` says that the agent has it already. */
export function openingWords(instructions: string, given: () => boolean): Interceptor {
  let said = false;
  return {
    name: "instructions",
    clientRequest(request, next) {
      if (said || request.method !== "session/prompt" || !isRecord(request.params)) return next(request);
      said = true;
      if (given()) return next(request);
      const prompt = Array.isArray(request.params["prompt"]) ? (request.params["prompt"] as unknown[]) : [];
      const text = `${instructions}\n\n`;
      return next({ ...request, params: { ...request.params, prompt: [{ type: "text", text }, ...prompt] } });
    },
  };
}
