/** `crucible cancel`: ends a delegation, or what a session does now. */
import { exitCodes } from "../../base/errors.ts";
import { openControl } from "../reach.ts";
import { printJson, tell } from "../terminal.ts";
import type { DaemonQuery } from "./status.ts";

export async function cancelCommand([id = ""]: readonly string[], { json, ...place }: DaemonQuery): Promise<number> {
  using control = await openControl(place);
  const result = await control.request("cancel", { id });
  await (json ? printJson(result) : tell(`cancelled ${result.cancelled.join(", ")}\n`));
  return exitCodes.ok;
}
