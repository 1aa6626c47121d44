/**
 * Starts the agents that take a conversation over, so that none is left behind: one that is not wanted any more when it is ready is
 * ended, and whoever ends the conversation can wait until nobody is being started.
 */
import { newId } from "../base/ids.ts";
import { oneLine } from "../base/text.ts";
import type { Session } from "../sessions/session.ts";
import type { CommandsOffered } from "./commands-offered.ts";
import type { Handoff, Newcomer, Turn } from "./handoff-turn.ts";
import { noteToSuccessor } from "./handoff-words.ts";
import type { HandoffPorts } from "./ports.ts";
import { speakerClient } from "./speaker-client.ts";
import { Speaker } from "./speaker.ts";

export interface ArrivalsParts {
  /** The session the editor opened. */
  root: Session;
  ports: Pick<HandoffPorts, "openSuccessor" | "budgetOf">;
  commands: CommandsOffered;
}

export class Arrivals {
  readonly #parts: ArrivalsParts;
  #starting: Promise<unknown> = Promise.resolve();

  constructor(parts: ArrivalsParts) {
    this.#parts = parts;
  }

  /** Settles when nobody is being started. */
  get settled(): Promise<unknown> {
    return this.#starting;
  }

  /** Undefined when it is not wanted any more. Rejects as `openSuccessor` does. */
  async start(
    target: Newcomer,
    { from, handoff, turn }: { from: Speaker; handoff: Handoff; turn: Turn },
  ): Promise<Speaker | undefined> {
    const { root, ports, commands } = this.#parts;
    const { message, returnAfter } = handoff;
    const speaker = new Speaker(target.profile.name);
    const id = newId("ses");
    const opening = ports.openSuccessor({
      ...target,
      id,
      predecessor: from.session,
      title: oneLine(message, 80),
      note: noteToSuccessor({ from: from.name, message, returnAfter }),
      client: speakerClient(speaker, { root, prefix: id, commands }),
      signal: turn.signal,
    });
    turn.isStarting = true;
    const isUnwanted = (): boolean => turn.signal.aborted || root.state === "ended";
    this.#starting = opening.then(
      ({ session }) => (isUnwanted() ? session.end("the turn was cancelled") : undefined),
      () => {},
    );
    try {
      const successor = await opening;
      if (isUnwanted()) return undefined;
      speaker.joined(successor);
      const settleSpending = ports.budgetOf(root).add(() => speaker.spending);
      successor.session.scope.add("budget", settleSpending);
      return speaker;
    } finally {
      turn.isStarting = false;
    }
  }
}
