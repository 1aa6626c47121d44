/** What a caller says while there is no daemon: kept in order, within a bound, until there is one again. */
import type { RequestId } from "../../acp/wire.ts";
import type { CallerMessage } from "./ledger.ts";

/** Kept of what an editor or MCP client says while there is no daemon, in bytes. */
export const maxHeldBytes = 16 * 1024 * 1024;

interface HeldLine {
  line: Buffer;
  message: CallerMessage;
}

export class Held {
  #lines: HeldLine[] = [];
  #bytes = 0;

  /** False when there is no room for it. */
  add(line: Buffer, message: CallerMessage): boolean {
    if (this.#bytes + line.length > maxHeldBytes) return false;
    this.#bytes += line.length;
    this.#lines.push({ line, message });
    return true;
  }

  /** All of it, in order; nothing is held any more. */
  take(): Buffer[] {
    return this.#takeAll().map(({ line }) => line);
  }

  /** The ids of all requests among it; nothing is held any more. */
  takeRequests(): RequestId[] {
    return this.#takeAll().flatMap(({ message: { id } }) => (id === undefined ? [] : [id]));
  }

  #takeAll(): HeldLine[] {
    const lines = this.#lines;
    this.#lines = [];
    this.#bytes = 0;
    return lines;
  }
}
