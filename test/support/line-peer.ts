/** One side of a line protocol that expects nothing: keeps every line, and sends what it is told, be it JSON-RPC or not. */
import type { Duplex } from "node:stream";
import { LineSplitter } from "../../src/base/lines.ts";
import { until } from "./conditions.ts";

export class LinePeer {
  /** Every line of the other side, parsed where it is JSON. */
  readonly received: Record<string, unknown>[] = [];
  readonly stream: Duplex;
  closed = false;

  constructor(stream: Duplex) {
    this.stream = stream;
    const lines = new LineSplitter({
      maxLineBytes: 256 * 1024 * 1024,
      onLine: (line) => this.received.push(parsed(line)),
      onTooLong: ({ bytes }) => this.received.push({ tooLong: bytes }),
    });
    stream.on("data", (chunk: Buffer) => lines.push(chunk));
    stream.on("close", () => (this.closed = true));
    stream.on("error", () => {});
  }

  /** Sends an object as a line of JSON, and a string as it is. */
  send(line: object | string): void {
    this.stream.write(`${typeof line === "string" ? line : JSON.stringify(line)}\n`);
  }

  /** The first message, received already or still to come, that has all these fields. */
  waitFor(fields: Record<string, unknown>): Promise<Record<string, unknown>> {
    const wanted = Object.entries(fields).map(([key, value]) => [key, JSON.stringify(value)] as const);
    return until(
      () => this.received.find((message) => wanted.every(([key, text]) => JSON.stringify(message[key]) === text)),
      { what: `a line with ${JSON.stringify(fields)}` },
    );
  }
}

function parsed(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return { notJson: line };
  }
}
