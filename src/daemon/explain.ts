/** What `crucible explain` asks: the policy's answer for two profiles by name. */
import type { Config } from "../config/config.ts";
import { explain, type Explanation } from "../delegation/explain.ts";
import { profileNamed } from "./profiles.ts";

/** Throws CRU_AGENT_UNKNOWN when there is no profile `from`; an unknown target is a refusal. */
export function explainDelegation(
  question: { from: string; target: string; depth: number; cwd: string },
  config: Config,
): Explanation {
  return explain({ ...question, from: profileNamed(config, question.from) }, config);
}
