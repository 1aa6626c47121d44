/** The command of `terminal/create` (ACP, "Terminals") as one would type it. */
import { isRecord } from "../acp/wire.ts";
import { shellCommand } from "../base/text.ts";
import { textField } from "./fields.ts";

/** Throws CRU_REQUEST_INVALID. */
export function commandLine(params: unknown): string {
  return shellCommand([textField(params, "command"), ...argumentsIn(params)]);
}

export function argumentsIn(params: unknown): string[] {
  const args = isRecord(params) ? params["args"] : undefined;
  return Array.isArray(args) ? args.map(String) : [];
}
