/**
 * OpenAI Responses, as Codex speaks them: always a stream of typed events. Tools may be plain functions, free-form
 * ("custom", such as apply_patch) or sit in a namespace, which is how Codex hands over MCP servers.
 */
import { startEventStream } from "./http-replies.mjs";

export const name = "openai-responses";

/** @param {string} path */
export const handles = (path) => path.endsWith("/responses");

/** @returns {import("./script.mjs").Conversation} */
export function read(body) {
  return {
    api: name,
    model: body.model,
    stream: true,
    json: body.text?.format?.type === "json_schema",
    entries: (Array.isArray(body.input) ? body.input : [{ role: "user", content: body.input }]).flatMap(toEntry),
    tools: (body.tools ?? []).flatMap((tool) => toTools(tool)),
  };
}

function toEntry(item) {
  if (item.type?.endsWith("_call_output")) return [{ kind: "result", text: textOf(item.output) }];
  if (item.role === "user" || item.role === "assistant") return [{ kind: item.role, text: textOf(item.content) }];
  return [];
}

function toTools(tool, namespace) {
  if (tool.type === "namespace") return tool.tools.flatMap((inner) => toTools(inner, tool.name));
  if (!tool.name) return [];
  return [{ name: tool.name, type: tool.type === "custom" ? "custom" : "function", ...(namespace && { namespace }) }];
}

const textOf = (content) => {
  if (typeof content === "string") return content;
  if (Array.isArray(content)) return content.map((part) => part.text ?? "").join("\n");
  return JSON.stringify(content);
};

/** @returns {import("./http-replies.mjs").Writer} */
export function openWriter(response, conversation) {
  const send = startEventStream(response, { named: true });
  const output = [];
  const head = { id: `resp_${Date.now()}`, object: "response", created_at: 1, model: conversation.model };
  let message;
  send({ type: "response.created", response: { ...head, status: "in_progress", output: [] } });

  const add = (item) => send({ type: "response.output_item.added", output_index: output.length, item });
  const finish = (item) => {
    send({ type: "response.output_item.done", output_index: output.length, item });
    output.push(item);
  };
  const closeMessage = () => {
    if (message) finish(message);
    message = undefined;
  };
  return {
    text(piece) {
      if (!message) {
        message = { type: "message", id: `msg_${output.length}`, role: "assistant", status: "completed", content: [] };
        add({ ...message, status: "in_progress" });
        message.content.push({ type: "output_text", text: "", annotations: [] });
      }
      message.content[0].text += piece;
      const place = { item_id: message.id, output_index: output.length, content_index: 0 };
      send({ type: "response.output_text.delta", ...place, delta: piece });
    },
    call(call) {
      closeMessage();
      const item =
        call.type === "custom"
          ? { type: "custom_tool_call", id: `ctc_${call.id}`, call_id: call.id, name: call.name, input: call.input }
          : { type: "function_call", id: `fc_${call.id}`, call_id: call.id, name: call.name };
      if (call.type !== "custom") item.arguments = JSON.stringify(call.args);
      if (call.namespace) item.namespace = call.namespace;
      add(item);
      finish({ ...item, status: "completed" });
    },
    end() {
      closeMessage();
      const usage = { input_tokens: 10, output_tokens: 5, total_tokens: 15 };
      send({ type: "response.completed", response: { ...head, status: "completed", output, usage } });
      response.end();
    },
  };
}
