/**
 * Whether the daemon that runs decides by the configuration a command has read. It may have read another file, or this one before it
 * was changed.
 */
import { RpcError } from "../acp/wire.ts";
import { within } from "../base/deadline.ts";
import { CrucibleError } from "../base/errors.ts";
import { readAgain } from "../config/change.ts";
import type { Config } from "../config/config.ts";
import { connectControl } from "../control/client.ts";
import type { DaemonStatus } from "../control/methods.ts";

/** How long a daemon may take to say what it has read, in milliseconds. */
const maxAskMs = 2000;

export interface OtherConfig {
  /** What differs, in one sentence without its full stop. */
  readonly message: string;
  readonly remedy: string;
}

type Facts = Pick<DaemonStatus, "pid" | "configFile" | "configChange">;

/** Undefined when it decides by the same. */
export function otherConfig(
  { pid, configFile, configChange }: Facts,
  { file }: Pick<Config, "file">,
): OtherConfig | undefined {
  // One of an older version does not tell.
  if (configChange) return { message: configChange, remedy: readAgain(pid) };
  if (configFile === (file ?? null)) return undefined;
  return {
    message: `the daemon that runs has read ${configFile ?? "no configuration file"}, and not ${file ?? "none"}`,
    remedy:
      file === undefined ? "name its file with --config" : "end it with `crucible stop`, and start it with this file",
  };
}

/** Undefined also where none answers. */
export async function otherConfigAt(socketPath: string, config: Config): Promise<OtherConfig | undefined> {
  try {
    using control = await connectControl(socketPath);
    const facts = await within(control.request("status", {}), maxAskMs);
    return typeof facts === "symbol" ? undefined : otherConfig(facts, config);
  } catch (error) {
    // One that does not answer this caller decides nothing for it either.
    if (error instanceof CrucibleError || error instanceof RpcError) return undefined;
    throw error;
  }
}
