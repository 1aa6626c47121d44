/**
 * Which agents may do a task, in which order: the one that was asked for, with its model or role, then the fallbacks. Each passes
 * the policy by itself; a fallback that is not allowed is left out, and the caller told why; the first choice is not.
 */
import { CrucibleError } from "../base/errors.ts";
import { listed } from "../base/text.ts";
import { hintOf } from "../config/change.ts";
import type { AgentProfile } from "../config/config.ts";
import type { Candidate, DelegateInput } from "./input.ts";
import { cannotContinue, roleUnknown } from "./errors.ts";
import { decide, type AgentDirectory, type Caller } from "./policy.ts";

export interface Candidates {
  readonly candidates: readonly [Candidate, ...Candidate[]];
  /** A sentence for each fallback that was left out, without its full stop. */
  readonly leftOut: readonly string[];
}

/** Throws the refusal of the first choice. */
export function candidatesFor(caller: Caller, input: DelegateInput, config: AgentDirectory): Candidates {
  const candidates: [Candidate, ...Candidate[]] = [candidate(caller, input, config)];
  const leftOut: string[] = [];
  for (const { agent, model } of input.fallbacks ?? []) {
    try {
      if (input.sessionId !== undefined) throw onlyItself(candidates[0]);
      candidates.push(candidate(caller, { agent, model, modelRole: input.modelRole, tools: input.tools }, config));
    } catch (error) {
      if (!(error instanceof CrucibleError)) throw error;
      leftOut.push(`fallback ${JSON.stringify(agent)} was left out: ${error.message} [${error.code}]`);
    }
  }
  return { candidates, leftOut };
}

function candidate(
  caller: Caller,
  { agent, model, mode, modelRole, tools }: Pick<DelegateInput, "agent" | "model" | "mode" | "modelRole" | "tools">,
  config: AgentDirectory,
): Candidate {
  const decision = decide(caller, agent, config, { tools });
  if (!decision.allowed) throw decision.refusal;
  const { profile, grant, narrowing } = decision;
  if (model !== undefined || modelRole === undefined) return { profile, grant, narrowing, model, mode };

  const meant = profile.modelRoles[modelRole];
  if (meant === undefined) throw unknownRole(profile, modelRole, config);
  // A role may stand for another profile, which then has to be allowed as well.
  return config.agents.has(meant)
    ? candidate(caller, { agent: meant, mode, tools }, config)
    : { profile, grant, narrowing, model: meant, mode };
}

function onlyItself({ profile }: Candidate): CrucibleError {
  return cannotContinue.create(`the conversation goes on with ${profile.name} alone, which knows it`);
}

function unknownRole(profile: AgentProfile, role: string, config: AgentDirectory): CrucibleError {
  const roles = Object.keys(profile.modelRoles);
  return roleUnknown.create(`agent ${profile.name} has no model for the role ${JSON.stringify(role)}`, {
    hint: hintOf(config, roles.length > 0 ? `use ${listed(roles)}, or leave model_role out` : "leave model_role out"),
  });
}
