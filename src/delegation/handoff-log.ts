/** The handoffs of one conversation, written down at once, so that they count and are known after a crash. */
import type { HandoffRecord } from "../sessions/records.ts";
import type { Session } from "../sessions/session.ts";
import type { HandoffPorts } from "./ports.ts";

export class HandoffLog {
  readonly #root: Session;
  readonly #ports: Pick<HandoffPorts, "store" | "bus">;

  constructor(root: Session, ports: Pick<HandoffPorts, "store" | "bus">) {
    this.#root = root;
    this.#ports = ports;
  }

  get #all(): HandoffRecord[] {
    return this.#ports.store.handoffsOf(this.#root.id);
  }

  /** In the whole life of the conversation. */
  get made(): number {
    return this.#all.length;
  }

  /** Those whose agent has the conversation, or had it when the session ended; oldest first. */
  get open(): HandoffRecord[] {
    return this.#all.filter(({ endedAt }) => endedAt === null);
  }

  begin({ from, agent }: { from: string; agent: string }): HandoffRecord {
    const number = this.made + 1;
    const record = { sessionId: this.#root.id, number, from, agent, beganAt: Date.now(), endedAt: null };
    this.#ports.store.saveHandoff(record);
    this.tell(from, agent);
    return record;
  }

  end(record: HandoffRecord): void {
    this.#ports.store.saveHandoff({ ...record, endedAt: Date.now() });
  }

  /** Somebody else speaks from now on. */
  tell(from: string, agent: string): void {
    this.#ports.bus.emit("session.handed_over", { sessionId: this.#root.id, from, agent });
  }
}
