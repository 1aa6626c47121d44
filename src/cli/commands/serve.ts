/** `crucible serve`: the daemon in the foreground. */
import { plainText } from "../../base/text.ts";
import type { LogLevel } from "../../config/config.ts";
import { backgroundVariable } from "../background-mark.ts";
import { resolveSocketPath } from "../socket-path.ts";
import { tell } from "../terminal.ts";
import { workingDirectory } from "../working-directory.ts";

export interface ServeOptions {
  config: string | undefined;
  socket: string | undefined;
  logLevel: string | undefined;
}

/** Resolves to the exit code when the daemon has ended. */
export async function serveCommand({ config, socket, logLevel }: ServeOptions): Promise<number> {
  const { env } = process;
  const handStarted = !env[backgroundVariable];
  const { serve } = await import("../../daemon/serve.ts");
  return serve({
    configFile: config,
    socket: await resolveSocketPath({ socket, config, env, cwd: workingDirectory(), handStarted }),
    logLevel: logLevel as LogLevel | undefined,
    handStarted,
    onReady: (socketPath) => void tell(`listening on unix:${socketPath}\n`),
    // A stack may quote what an agent said.
    onNotice: (line) => void tell(`crucible: ${plainText(line)}\n`),
  });
}
