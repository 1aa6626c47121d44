/**
 * Anthropic Messages, as the Claude agent speaks them: a stream of content blocks, one object when not streaming, and
 * a made-up answer to `count_tokens`.
 */
import { sendJson, startEventStream } from "./http-replies.mjs";

export const name = "anthropic-messages";

/** @param {string} path */
export const handles = (path) => path.endsWith("/v1/messages");

/** @param {string} path */
export const counts = (path) => (path.endsWith("/messages/count_tokens") ? { input_tokens: 10 } : undefined);

/** @returns {import("./script.mjs").Conversation} */
export function read(body) {
  return {
    api: name,
    model: body.model,
    stream: body.stream === true,
    json: body.output_config?.format !== undefined,
    entries: body.messages.flatMap((message) => blocksOf(message.content).flatMap((block) => toEntry(message, block))),
    tools: (body.tools ?? []).map((tool) => ({ name: tool.name, type: "function" })),
  };
}

const blocksOf = (content) => (typeof content === "string" ? [{ type: "text", text: content }] : (content ?? []));

function toEntry(message, block) {
  if (block.type === "tool_result") {
    return [
      {
        kind: "result",
        text: blocksOf(block.content)
          .map((part) => part.text ?? "")
          .join("\n"),
      },
    ];
  }
  return block.type === "text" ? [{ kind: message.role === "user" ? "user" : "assistant", text: block.text }] : [];
}

/** @returns {import("./http-replies.mjs").Writer} */
export function openWriter(response, conversation) {
  const send = conversation.stream ? startEventStream(response, { named: true }) : undefined;
  const usage = { input_tokens: 10, output_tokens: 5, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
  const head = { id: `msg_${Date.now()}`, type: "message", role: "assistant", model: conversation.model };
  const blocks = [];
  let textOpen = false;
  const stopText = () => {
    if (textOpen) send?.({ type: "content_block_stop", index: blocks.length - 1 });
    textOpen = false;
  };
  const start = (block) => {
    stopText();
    blocks.push(block);
    send?.({ type: "content_block_start", index: blocks.length - 1, content_block: emptied(block) });
  };
  const delta = (value) => send?.({ type: "content_block_delta", index: blocks.length - 1, delta: value });

  send?.({ type: "message_start", message: { ...head, content: [], stop_reason: null, stop_sequence: null, usage } });
  return {
    text(piece) {
      if (!textOpen) start({ type: "text", text: "" });
      textOpen = true;
      blocks.at(-1).text += piece;
      delta({ type: "text_delta", text: piece });
    },
    call(call) {
      start({ type: "tool_use", id: `toolu_${call.id}`, name: call.name, input: call.args });
      delta({ type: "input_json_delta", partial_json: JSON.stringify(call.args) });
      send?.({ type: "content_block_stop", index: blocks.length - 1 });
    },
    end() {
      stopText();
      const reason = blocks.some((block) => block.type === "tool_use") ? "tool_use" : "end_turn";
      if (!send) {
        return sendJson(response, 200, { ...head, content: blocks, stop_reason: reason, stop_sequence: null, usage });
      }
      send({ type: "message_delta", delta: { stop_reason: reason, stop_sequence: null }, usage });
      send({ type: "message_stop" });
      response.end();
    },
  };
}

/** A block as it stands before its first delta. */
const emptied = (block) => (block.type === "text" ? { type: "text", text: "" } : { ...block, input: {} });
