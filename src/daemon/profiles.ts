/** Which profile a caller works with: the one it names, the default, or the one agent that is installed. */
import { agentNotFound } from "../agents/errors.ts";
import { didYouMean } from "../base/suggestion.ts";
import { listed } from "../base/text.ts";
import { hintOf } from "../config/change.ts";
import type { AgentProfile, Config } from "../config/config.ts";
import type { AgentPrograms } from "./agent-programs.ts";
import { agentUnknown, noDefaultAgent } from "./errors.ts";

/** Throws CRU_AGENT_UNKNOWN. */
export function profileNamed(config: Config, name: string): AgentProfile {
  const profile = config.agents.get(name);
  if (profile) return profile;
  const names = [...config.agents.keys()];
  throw agentUnknown.create(`no agent is called ${JSON.stringify(name)}${didYouMean(name, names)}`, {
    hint: hintOf(config, `the agents are ${listed(names, "and")}; \`crucible agents\` shows which are installed`),
  });
}

/** Rejects with CRU_AGENT_UNKNOWN or CRU_AGENT_UNDECIDED. */
export async function chooseProfile(
  name: string | undefined,
  { config, programs }: { config: Config; programs: AgentPrograms },
): Promise<AgentProfile> {
  const wanted = name ?? config.acp.defaultAgent;
  if (wanted !== undefined) return profileNamed(config, wanted);

  const builtIn = [...config.agents.values()].filter((profile) => profile.family === profile.name && profile.install);
  const installed: AgentProfile[] = [];
  for (const profile of builtIn) if (await isInstalled(profile, programs)) installed.push(profile);
  const [only, ...others] = installed;
  if (only && others.length === 0) return only;

  if (only) {
    throw noDefaultAgent.create(`several agents are installed: ${listed(namesOf(installed), "and")}`, {
      hint: hintOf(config, `choose one: ${waysToChoose}`),
    });
  }
  const own = [...config.agents.values()].filter((profile) => !builtIn.includes(profile));
  throw noDefaultAgent.create(`none of the built-in agents is installed: ${listed(namesOf(builtIn))}`, {
    hint: hintOf(
      config,
      own.length > 0
        ? `choose ${listed(namesOf(own))}: ${waysToChoose}`
        : `install one, for example: ${builtIn[0]?.install}`,
    ),
  });
}

const waysToChoose = "`--agent NAME`, or default_agent under [acp] in crucible.toml";

function namesOf(profiles: readonly AgentProfile[]): string[] {
  return profiles.map(({ name }) => name);
}

async function isInstalled(profile: AgentProfile, programs: AgentPrograms): Promise<boolean> {
  try {
    await programs.find(profile);
    return true;
  } catch (error) {
    if (!agentNotFound.matches(error)) throw error;
    return false;
  }
}
