/**
 * A byte pipe between the standard streams of this process and the daemon's socket, both ways, with back pressure. It does
 * not look at what it carries, and it loads nothing that does.
 */
import { fstatSync } from "node:fs";
import { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { isSystemError } from "../base/errors.ts";

/** How long the daemon may take to say its last words once the caller has ended its side, in milliseconds of silence. */
const farewellTimeoutMs = 5000;

export interface Bridge {
  socket: Socket;
  input: Readable;
  output: Writable;
}

export interface BridgeEnd {
  /** Who went first. */
  readonly endedBy: "caller" | "daemon";
  /** What broke the connection, if it did not end in good order. */
  readonly error: Error | undefined;
}

/** Carries bytes until one side ends; by then all that came from the daemon is written. Never rejects. */
export function bridge({ socket, input, output }: Bridge): Promise<BridgeEnd> {
  let endedBy: BridgeEnd["endedBy"] = "daemon";
  let connectionError: Error | undefined;

  const callerEnded = (): void => {
    if (endedBy === "caller" || socket.destroyed || socket.readableEnded) return;
    endedBy = "caller";
    socket.end();
    socket.setTimeout(farewellTimeoutMs, () => socket.destroy());
  };
  const callerGone = (): void => {
    callerEnded();
    socket.destroy();
  };

  return new Promise((resolve) => {
    input.once("end", callerEnded);
    input.once("error", callerEnded);
    input.once("close", callerEnded);
    output.once("error", callerGone);
    socket.once("error", (error) => {
      // Whoever has said all there was to say may be gone before the rest has reached him: then nothing is lost.
      const finished = endedBy === "caller" || socket.readableEnded;
      if (!finished || !isSystemError(error, "EPIPE", "ECONNRESET")) connectionError = error;
    });
    socket.once("close", () => {
      const done = (): void => resolve({ endedBy, error: connectionError });
      input.unpipe(socket);
      if (output.destroyed) done();
      else output.end(done);
    });
    input.pipe(socket, { end: false });
    socket.pipe(output, { end: false });
  });
}

/**
 * The standard output without waiting: with the stream that Node.js gives, a caller who is slow to read would hold up what he
 * himself sends, for example his wish to cancel.
 */
export function pipeOutput(): Writable {
  const facts = fstatSync(1);
  const isPipe = facts.isFIFO() || facts.isSocket();
  return isPipe ? new Socket({ fd: 1, readable: false, writable: true }) : process.stdout;
}
