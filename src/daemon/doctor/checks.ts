/**
 * What `crucible doctor` looks at, as a list: each check is a function that gives its findings and never throws what a person
 * could act on. Looks and tries; changes nothing.
 */
import type { Config } from "../../config/config.ts";
import { loadConfig } from "../../config/load.ts";
import type { ConfigRequest } from "../../config/locate.ts";
import type { Finding } from "../../control/finding.ts";
import { checkAgents } from "./agents.ts";
import { checkDaemon, checkSocketFolder } from "./daemon.ts";
import { explained, type Examination } from "./examination.ts";
import { checkSandbox } from "./sandbox.ts";
import { checkState } from "./state.ts";

type Check = (examination: Examination) => Promise<Finding[]> | Finding[];

const checks: readonly Check[] = [checkNode, checkSocketFolder, checkDaemon, checkState, checkSandbox, checkAgents];

export interface DoctorRequest extends Omit<Examination, "config"> {
  request: ConfigRequest;
}

/** All findings, in the order of the checks. Rejects with the reason of the signal when that aborts first. */
export async function examine({ request, ...place }: DoctorRequest): Promise<Finding[]> {
  const { config, finding } = readConfig(request);
  const findings = [finding];
  for (const check of checks) {
    place.signal.throwIfAborted();
    findings.push(...(await check({ ...place, config })));
  }
  return findings;
}

function readConfig(request: ConfigRequest): { config: Config | undefined; finding: Finding } {
  try {
    const config = loadConfig(request);
    const subject = config.file ?? "no configuration file";
    const message = config.file ? "right" : "the built-in profiles serve";
    return { config, finding: { check: "config", subject, state: "ok", message, remedy: null } };
  } catch (error) {
    const { message, hint } = explained(error);
    const remedy = hint ?? "correct it; `crucible config check` shows it again";
    return {
      config: undefined,
      finding: { check: "config", subject: "configuration", state: "broken", message, remedy },
    };
  }
}

function checkNode(): Finding[] {
  const { node } = process.versions;
  const message = `${process.platform} ${process.arch}`;
  // Older ones do not get this far: bin/crucible.js refuses them.
  return [{ check: "node", subject: `Node.js ${node}`, state: "ok", message, remedy: null }];
}
