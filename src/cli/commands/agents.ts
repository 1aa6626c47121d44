/** `crucible agents`: the profiles that exist, and whether their programs are there and really start. Needs no daemon. */
import { exitCodes } from "../../base/errors.ts";
import { agentsText } from "../render/agents-text.ts";
import { showProgress } from "../render/progress-line.ts";
import { styleFor } from "../render/style.ts";
import { untilSignal } from "../signals.ts";
import { print, printJson } from "../terminal.ts";
import { workingDirectory } from "../working-directory.ts";

export interface AgentsOptions {
  config: string | undefined;
  probe: boolean;
  json: boolean;
}

export function agents(options: AgentsOptions): Promise<number> {
  return untilSignal((signal) => listed(options, signal));
}

async function listed({ config: file, probe, json }: AgentsOptions, signal: AbortSignal): Promise<number> {
  const { loadConfig } = await import("../../config/load.ts");
  const config = loadConfig({ file, env: process.env, cwd: workingDirectory(), handStarted: true });
  const { reportAgents } = await import("../../daemon/probe.ts");
  const progress = showProgress(process.stderr);
  try {
    const reports = await reportAgents({
      config,
      start: probe,
      signal,
      onStart: (name) => progress.say(`starting ${name} …`),
    });
    progress.clear();
    await (json ? printJson({ agents: reports }) : print(agentsText(reports, styleFor(process.stdout))));
  } finally {
    progress.clear();
  }
  return exitCodes.ok;
}
