/**
 * OpenAI chat completions, as OpenCode speaks them: reads a request into a conversation, writes an answer as a stream
 * of `chat.completion.chunk` or as one object.
 */
import { sendJson, startEventStream } from "./http-replies.mjs";

export const name = "openai-chat";

/** @param {string} path */
export const handles = (path) => path.endsWith("/chat/completions");

/** @returns {import("./script.mjs").Conversation} */
export function read(body) {
  const kinds = { user: "user", assistant: "assistant", tool: "result" };
  return {
    api: name,
    model: body.model,
    stream: body.stream === true,
    json: body.response_format !== undefined,
    entries: body.messages.flatMap((message) =>
      kinds[message.role] ? [{ kind: kinds[message.role], text: textOf(message.content) }] : [],
    ),
    tools: (body.tools ?? []).map((tool) => ({ name: tool.function.name, type: "function" })),
  };
}

const textOf = (content) =>
  typeof content === "string" ? content : (content ?? []).map((part) => part.text ?? "").join("\n");

/** @returns {import("./http-replies.mjs").Writer} */
export function openWriter(response, conversation) {
  const send = conversation.stream ? startEventStream(response) : undefined;
  const base = { id: "chatcmpl-scripted", created: 1, model: conversation.model };
  const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
  const calls = [];
  let whole = "";
  const chunk = (delta, finish = null) =>
    send?.({ ...base, object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason: finish }] });
  chunk({ role: "assistant", content: "" });
  return {
    text(piece) {
      whole += piece;
      chunk({ content: piece });
    },
    call(call) {
      const item = {
        id: call.id,
        type: "function",
        function: { name: call.name, arguments: JSON.stringify(call.args) },
      };
      chunk({ tool_calls: [{ index: calls.length, ...item }] });
      calls.push(item);
    },
    end() {
      const finish = calls.length > 0 ? "tool_calls" : "stop";
      if (!send) {
        const message = { role: "assistant", content: whole, ...(calls.length > 0 && { tool_calls: calls }) };
        const choices = [{ index: 0, message, finish_reason: finish }];
        return sendJson(response, 200, { ...base, object: "chat.completion", choices, usage });
      }
      chunk({}, finish);
      send({ ...base, object: "chat.completion.chunk", choices: [], usage });
      response.end("data: [DONE]\n\n");
    },
  };
}
