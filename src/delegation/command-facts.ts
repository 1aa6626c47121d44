/** What an agent's tool call says of a command: agents put it in various places (ACP, "Tool Calls", leaves them free). */
import { isRecord } from "../acp/wire.ts";

type Fields = Record<string, unknown>;

/** Agents give a command as text, as words, or as words for a shell. */
export function commandIn(rawInput: unknown): string | undefined {
  const command = isRecord(rawInput) ? (rawInput["command"] ?? rawInput["cmd"]) : undefined;
  if (!Array.isArray(command)) return typeof command === "string" && command !== "" ? command : undefined;
  const words = command.map(String);
  const isForShell = words.length === 3 && /(?:^|\/)(?:ba|z|da)?sh$/.test(words[0]!) && /^-l?c$/.test(words[1]!);
  return isForShell ? words[2] : words.join(" ");
}

/** Where agents put an exit code: in the raw output, in its metadata, or in `_meta` of a terminal's end. */
export function exitCodeIn(update: Fields): number | null {
  const output = isRecord(update["rawOutput"]) ? update["rawOutput"] : {};
  const metadata = isRecord(output["metadata"]) ? output["metadata"] : {};
  const meta = isRecord(update["_meta"]) ? update["_meta"] : {};
  const terminal = isRecord(meta["terminal_exit"]) ? meta["terminal_exit"] : {};
  const places = [
    output["exit_code"],
    output["exitCode"],
    metadata["exit_code"],
    metadata["exitCode"],
    metadata["exit"],
    terminal["exit_code"],
  ];
  return places.find((value) => typeof value === "number") ?? null;
}

/** As the kiln's gate names them when it puts text in their place. */
export function terminalsIn(update: Fields): string[] {
  const meta = isRecord(update["_meta"]) ? update["_meta"] : {};
  const crucible = isRecord(meta["crucible"]) ? meta["crucible"] : {};
  return Array.isArray(crucible["terminals"]) ? crucible["terminals"].map(String) : [];
}
