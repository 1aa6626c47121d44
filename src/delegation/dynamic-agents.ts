/**
 * Agents made at run time by an agent, for its own tree of sessions: a profile under a new name, with instructions, a model and
 * fewer tools. They know no more and may do no more than the profile they were made from, and end with their tree.
 */
import { listed } from "../base/text.ts";
import type { AgentProfile } from "../config/config.ts";
import type { ToolSet } from "../sessions/grant.ts";
import type { Session } from "../sessions/session.ts";
import { agentExists, agentNameInvalid, delegationLimit, dynamicUnknown } from "./errors.ts";

/** Agents one tree may have made at the same time. */
export const maxDynamicAgents = 50;

const namePattern = /^(?!self$)[A-Za-z0-9_-]{1,64}$/;

export interface DynamicProfile extends AgentProfile {
  /** Name of the configured profile whose rules it is under. */
  readonly createdFrom: string;
  /** It may do these and no more; undefined = what its caller may. */
  readonly tools: readonly ToolSet[] | undefined;
}

export function isDynamic(profile: AgentProfile): profile is DynamicProfile {
  return "createdFrom" in profile;
}

export interface AgentDraft {
  name: string;
  base: AgentProfile;
  instructions: string | undefined;
  model: string | undefined;
  tools: readonly ToolSet[] | undefined;
}

export class DynamicAgents {
  readonly #trees = new WeakMap<Session, Map<string, DynamicProfile>>();

  /** By name, those of the session's tree. */
  of(session: Session): ReadonlyMap<string, DynamicProfile> {
    return this.#treeOf(session);
  }

  /** Throws CRU_AGENT_NAME, CRU_AGENT_EXISTS or CRU_DELEGATION_LIMIT. */
  create(session: Session, draft: AgentDraft, taken: ReadonlyMap<string, AgentProfile>): DynamicProfile {
    const { name, base, model } = draft;
    if (!namePattern.test(name)) {
      throw agentNameInvalid.create(`${JSON.stringify(name)} cannot be the name of an agent`, {
        hint: "use 1 to 64 letters, digits, - and _; self is taken",
      });
    }
    if (taken.has(name)) {
      throw agentExists.create(`there is an agent called ${name} already`, {
        hint: "choose another name, or delete_agent first if you made it",
      });
    }
    const tree = this.#treeOf(session);
    if (tree.size >= maxDynamicAgents) {
      throw delegationLimit.create(`${tree.size} agents were made in this conversation already`, {
        hint: "delete_agent one that you need no more",
      });
    }
    const instructions = [base.instructions, draft.instructions].filter(Boolean).join("\n\n");
    const tools =
      isDynamic(base) && base.tools ? base.tools.filter((tool) => draft.tools?.includes(tool) ?? true) : draft.tools;
    const profile: DynamicProfile = {
      ...base,
      name,
      lineage: [base.name, ...base.lineage],
      instructions: instructions === "" ? undefined : instructions,
      model: model ?? base.model,
      createdFrom: isDynamic(base) ? base.createdFrom : base.name,
      tools,
    };
    tree.set(name, profile);
    return profile;
  }

  /** Throws CRU_AGENT_DYNAMIC_UNKNOWN. What it is doing goes on. */
  delete(session: Session, name: string): void {
    const tree = this.#treeOf(session);
    if (tree.delete(name)) return;
    const names = [...tree.keys()];
    throw dynamicUnknown.create(`no agent called ${JSON.stringify(name)} was made in this conversation`, {
      hint: names.length > 0 ? `you can delete ${listed(names)}` : "none was made yet",
    });
  }

  #treeOf(session: Session): Map<string, DynamicProfile> {
    const tree = this.#trees.get(session.root) ?? new Map<string, DynamicProfile>();
    this.#trees.set(session.root, tree);
    return tree;
  }
}
