/** What a person reads in the content of a conversation (ACP, "Content", "Tool Calls"): text as it is, all else named. */
import { isRecord } from "./wire.ts";

/** What a content block says; of what is not text, what it is. Empty for what is no content block. */
export function blockText(block: unknown): string {
  if (!isRecord(block)) return "";
  switch (block["type"]) {
    case "text":
      return textOf(block["text"]);
    case "resource_link":
      return `[link: ${textOf(block["uri"]) || textOf(block["name"])}]`;
    case "resource":
      return `[attached: ${isRecord(block["resource"]) ? textOf(block["resource"]["uri"]) : "a resource"}]`;
    case "image":
    case "audio":
      return `[${block["type"]}]`;
    default:
      return "";
  }
}

/** What the parameters of a `session/prompt` say. */
export function promptText(params: unknown): string {
  const prompt = isRecord(params) && Array.isArray(params["prompt"]) ? (params["prompt"] as unknown[]) : [];
  return prompt.map(blockText).filter(Boolean).join("\n");
}

/** What a tool call or its update shows; undefined if it shows nothing. Agents that show no content often give raw output. */
export function toolOutput(update: Record<string, unknown>): string | undefined {
  const content = Array.isArray(update["content"]) ? update["content"].map(contentText).filter(Boolean) : [];
  if (content.length > 0) return content.join("\n");
  const raw = update["rawOutput"];
  if (typeof raw === "string") return raw;
  return isRecord(raw) && typeof raw["output"] === "string" ? raw["output"] : undefined;
}

/** What a person reads in one message of a session, by its method; empty where there is nothing to read. */
export function messageText(method: string, params: unknown): string {
  if (!isRecord(params)) return "";
  if (method === "session/prompt") return promptText(params);
  const { update, toolCall } = params;
  if (isRecord(toolCall)) return toolText(toolCall);
  if (!isRecord(update)) return "";
  if (Array.isArray(update["entries"])) return update["entries"].map(entryText).join("\n");
  return "toolCallId" in update ? toolText(update) : blockText(update["content"]);
}

function toolText(call: Record<string, unknown>): string {
  return [textOf(call["title"]), toolOutput(call) ?? ""].filter(Boolean).join("\n");
}

function entryText(entry: unknown): string {
  return isRecord(entry) ? textOf(entry["content"]) : "";
}

function contentText(item: unknown): string {
  if (!isRecord(item)) return "";
  if (item["type"] === "content") return blockText(item["content"]);
  return item["type"] === "diff" ? `[changed: ${textOf(item["path"])}]` : "";
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
