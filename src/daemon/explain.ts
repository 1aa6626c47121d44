/** What `crucible explain` asks: the policy's answer for two profiles by name. */
import { CrucibleError } from "../base/errors.ts";
import type { Environment } from "../base/paths.ts";
import type { Config } from "../config/config.ts";
import { explain, type Explanation } from "../delegation/explain.ts";
import { kilnOf } from "../kiln/open-kiln.ts";
import { effectivePermissions } from "../permissions/effective.ts";
import { profileNamed } from "./profiles.ts";

/** Throws CRU_AGENT_UNKNOWN when there is no profile `from`; an unknown target is a refusal. */
export function explainDelegation(
  question: { from: string; target: string; depth: number; cwd: string; env: Environment },
  config: Config,
): Explanation {
  const kiln = reach(question.cwd, config);
  const from = profileNamed(config, question.from);
  return explain({ ...question, kiln, from, permissionsOf: effectivePermissions }, config);
}

function reach(cwd: string, config: Config): readonly string[] | CrucibleError {
  try {
    return kilnOf({ cwd }, config).directories;
  } catch (error) {
    if (error instanceof CrucibleError) return error;
    throw error;
  }
}
