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

function contentText(item: unknown): string {
  if (!isRecord(item)) return "";
  if (item["type"] === "content") return blockText(item["content"]);
  return item["type"] === "diff" ? `[changed: ${textOf(item["path"])}]` : "";
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
