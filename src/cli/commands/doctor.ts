/** `crucible doctor`: looks at all that has to be right, and says what to do where it is not. Needs no daemon. */
import { CrucibleError, exitCodes } from "../../base/errors.ts";
import { defaultSocketPath, stateDirectory } from "../../base/paths.ts";
import { findingsText } from "../render/findings-text.ts";
import { showProgress } from "../render/progress-line.ts";
import { styleFor } from "../render/style.ts";
import { untilSignal } from "../signals.ts";
import { resolveSocketPath } from "../socket-path.ts";
import { print, printJson } from "../terminal.ts";
import { workingDirectory } from "../working-directory.ts";

export interface DoctorOptions {
  config: string | undefined;
  socket: string | undefined;
  json: boolean;
}

/** Resolves to 0 when nothing is broken, to 4 when the configuration is, and else to 5. */
export function doctor(options: DoctorOptions): Promise<number> {
  return untilSignal((signal) => examined(options, signal));
}

async function examined({ config: file, socket, json }: DoctorOptions, signal: AbortSignal): Promise<number> {
  const { env } = process;
  const cwd = workingDirectory();
  const { examine } = await import("../../daemon/doctor/checks.ts");
  const progress = showProgress(process.stderr);
  try {
    const findings = await examine({
      request: { file, env, cwd, handStarted: true },
      socketPath: await socketPathFor({ socket, config: file, env, cwd, handStarted: true }),
      stateDirectory: stateDirectory(),
      env,
      signal,
      onProgress: (what) => progress.say(what),
    });
    progress.clear();
    await (json ? printJson({ findings }) : print(findingsText(findings, styleFor(process.stdout))));
    const broken = findings.filter(({ state }) => state === "broken");
    if (broken.length === 0) return exitCodes.ok;
    return broken.some(({ check }) => check === "config") ? exitCodes.config : exitCodes.agentFailed;
  } finally {
    progress.clear();
  }
}

/** What is wrong with the configuration is a finding of its own. */
async function socketPathFor(request: Parameters<typeof resolveSocketPath>[0]): Promise<string> {
  try {
    return await resolveSocketPath(request);
  } catch (error) {
    if (error instanceof CrucibleError) return defaultSocketPath(request.env);
    throw error;
  }
}
