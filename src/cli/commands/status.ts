/** `crucible status`: facts about the daemon that runs. */
import { exitCodes } from "../../base/errors.ts";
import { openControl } from "../reach.ts";
import { statusText } from "../render/status-text.ts";
import { styleFor } from "../render/style.ts";
import { print, printJson } from "../terminal.ts";

export interface DaemonQuery {
  socket: string | undefined;
  config: string | undefined;
  json: boolean;
}

export async function status({ json, ...place }: DaemonQuery): Promise<number> {
  using control = await openControl(place);
  const facts = await control.request("status", {});
  await (json ? printJson(facts) : print(statusText(facts, { now: Date.now(), style: styleFor(process.stdout) })));
  return exitCodes.ok;
}
