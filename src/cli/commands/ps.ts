/** `crucible ps`: the live tree of sessions and delegations, once or again and again. */
import { setTimeout as pause } from "node:timers/promises";
import type { ControlClient } from "../../control/client.ts";
import { exitCodes } from "../../base/errors.ts";
import { openControl } from "../reach.ts";
import { sessionTreeText } from "../render/session-tree.ts";
import { styleFor } from "../render/style.ts";
import { print, printJson, tell } from "../terminal.ts";
import type { DaemonQuery } from "./status.ts";

/** Time between two pictures of `--watch`, in milliseconds. */
const watchMs = 1000;

const clearScreen = "\u001b[H\u001b[J";

export async function ps({ json, watch, ...place }: DaemonQuery & { watch: boolean }): Promise<number> {
  using control = await openControl(place);
  if (!watch) {
    await showOnce(control, json);
    return exitCodes.ok;
  }
  // Ends by Ctrl-C, or with an error when the daemon is gone.
  for (;;) {
    if (process.stdout.isTTY && !json) await print(clearScreen);
    await showOnce(control, json);
    await pause(watchMs);
  }
}

async function showOnce(control: ControlClient, json: boolean): Promise<void> {
  const tree = await control.request("ps", {});
  if (json) await printJson(tree);
  else if (tree.roots.length === 0) await tell("no sessions are open\n");
  else await print(sessionTreeText(tree.roots, { now: Date.now(), style: styleFor(process.stdout) }));
}
