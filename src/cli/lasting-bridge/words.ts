/** What a caller is told of its daemon's absence. Words only. */
import { maxMessageBytes } from "../../acp/link.ts";
import { rpcCodes, type RpcErrorObject } from "../../acp/wire.ts";
import type { DroppedLine } from "../../base/lines.ts";
import { formatBytes } from "../../base/text.ts";
import { connectionBroken, daemonAway } from "../errors.ts";
import { maxHeldBytes } from "./held.ts";

export function hungUp(): Error {
  return connectionBroken.create("the daemon closed the connection before it had answered", {
    hint: "look into its log, or run `crucible serve` in a terminal to see why; the next message tries again",
  });
}

export function heldTooMuch(): Error {
  return daemonAway.create(`there is no daemon, and more than ${formatBytes(maxHeldBytes)} wait for one already`, {
    hint: "wait until the daemon is back, then send it again",
  });
}

export function tooLong({ bytes }: DroppedLine): RpcErrorObject {
  return { code: rpcCodes.parseError, message: `a line of ${bytes} bytes, where at most ${maxMessageBytes} are taken` };
}
