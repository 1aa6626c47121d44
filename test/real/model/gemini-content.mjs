/**
 * Gemini `generateContent` and `streamGenerateContent`, as the Gemini CLI speaks them, and a made-up `countTokens`.
 */
import { sendJson, startEventStream } from "./http-replies.mjs";

export const name = "gemini-content";

/** @param {string} path */
export const handles = (path) => /:(stream)?generateContent$/i.test(path);

/** @param {string} path */
export const counts = (path) => (path.endsWith(":countTokens") ? { totalTokens: 10 } : undefined);

/** @returns {import("./script.mjs").Conversation} */
export function read(body, path) {
  return {
    api: name,
    model: /models\/([^:]+):/.exec(path)?.[1] ?? "unknown",
    stream: path.endsWith(":streamGenerateContent"),
    json: body.generationConfig?.responseMimeType === "application/json",
    entries: (body.contents ?? []).flatMap((content) =>
      (content.parts ?? []).flatMap((part) => toEntry(content, part)),
    ),
    tools: (body.tools ?? []).flatMap((group) =>
      (group.functionDeclarations ?? []).map((tool) => ({ name: tool.name, type: "function" })),
    ),
  };
}

function toEntry(content, part) {
  if (part.functionResponse) return [{ kind: "result", text: resultText(part.functionResponse.response) }];
  if (typeof part.text !== "string" || part.thought) return [];
  return [{ kind: content.role === "model" ? "assistant" : "user", text: part.text }];
}

const resultText = (response) => response?.output ?? response?.error ?? JSON.stringify(response);

/** @returns {import("./http-replies.mjs").Writer} */
export function openWriter(response, conversation) {
  const send = conversation.stream ? startEventStream(response) : undefined;
  const parts = [];
  const answer = (some, finishReason) => ({
    candidates: [{ index: 0, content: { role: "model", parts: some }, ...(finishReason && { finishReason }) }],
    usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 15 },
    modelVersion: conversation.model,
  });
  const add = (part) => {
    parts.push(part);
    send?.(answer([part]));
  };
  return {
    text: (piece) => add({ text: piece }),
    call: (call) => add({ functionCall: { id: call.id, name: call.name, args: call.args } }),
    end() {
      if (!send) return sendJson(response, 200, answer(parts, "STOP"));
      send(answer([{ text: "" }], "STOP"));
      response.end();
    },
  };
}
