/**
 * The slash commands an editor is told of in a conversation that was handed over (ACP, "Slash Commands"): those of the agent that
 * has it for longer, with the one that takes it back; those of the first agent again when it has it again.
 */
import { isRecord } from "../acp/wire.ts";
import { returnCommand } from "./handoff-words.ts";
import type { Speaker } from "./speaker.ts";

export class CommandsOffered {
  readonly #first: Speaker;
  readonly #tell: (update: Record<string, unknown>) => void;
  /** Whose commands the editor was told; undefined = the first agent's own. */
  #owner: Speaker | undefined;

  /** `tell` brings an update to the editor, past whoever listens to the first agent. */
  constructor(first: Speaker, tell: (update: Record<string, unknown>) => void) {
    this.#first = first;
    this.#tell = tell;
  }

  /** Whether what the first agent says of its commands may go to the editor now. */
  passes(params: unknown): boolean {
    const commands = commandsIn(params);
    if (!commands) return true;
    this.#first.commands = commands;
    return this.#owner === undefined;
  }

  /** True if a speaker told its commands, which are then kept. */
  hear(speaker: Speaker, params: unknown): boolean {
    const commands = commandsIn(params);
    if (!commands) return false;
    speaker.commands = commands;
    if (this.#owner === speaker) this.#show(speaker);
    return true;
  }

  /** Tells the editor those of `owner`, undefined = the first agent; nothing if it knows them. */
  offer(owner: Speaker | undefined): void {
    if (owner === this.#owner) return;
    this.#owner = owner;
    if (owner) this.#show(owner);
    else this.#update(this.#first.commands);
  }

  #show(owner: Speaker): void {
    const description = `Take the conversation back from ${owner.name}: ${this.#first.name} goes on with it`;
    const others = owner.commands.filter((command) => !isRecord(command) || command["name"] !== returnCommand);
    this.#update([...others, { name: returnCommand, description }]);
  }

  #update(availableCommands: readonly unknown[]): void {
    this.#tell({ sessionUpdate: "available_commands_update", availableCommands });
  }
}

function commandsIn(params: unknown): readonly unknown[] | undefined {
  const update = isRecord(params) ? params["update"] : undefined;
  if (!isRecord(update) || update["sessionUpdate"] !== "available_commands_update") return undefined;
  return Array.isArray(update["availableCommands"]) ? (update["availableCommands"] as unknown[]) : [];
}
