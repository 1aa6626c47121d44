/**
 * A prompt written for one agent, for another one: content that the other does not take (ACP, "Initialization",
 * `promptCapabilities`) becomes what every agent takes, which is text and links.
 */
import { isRecord } from "./wire.ts";

const capabilityOf: Readonly<Record<string, string>> = { image: "image", audio: "audio", resource: "embeddedContext" };

/** The same blocks, those that are not taken replaced. */
export function fittingBlocks(blocks: readonly unknown[], capabilities: Readonly<Record<string, unknown>>): unknown[] {
  return blocks.map((block) => {
    const type = isRecord(block) ? String(block["type"]) : "";
    const needed = capabilityOf[type];
    const isTaken = needed === undefined || capabilities[needed] === true;
    return isTaken || !isRecord(block) ? block : replacement(type, block);
  });
}

function replacement(type: string, block: Record<string, unknown>): Record<string, unknown> {
  const { uri, text } = isRecord(block["resource"]) ? block["resource"] : block;
  if (typeof uri !== "string") return { type: "text", text: `[${type} left out: you cannot be given any]` };
  if (typeof text === "string") return { type: "text", text: `\n[${uri}]\n${text}\n` };
  return { type: "resource_link", uri, name: uri.split("/").at(-1) || uri };
}
