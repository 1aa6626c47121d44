/**
 * How to start an agent's own login in a terminal: its command with what its auth method adds (ACP, "Authentication", terminal
 * methods). The editor runs `crucible acp --terminal-auth METHOD`, which asks for this.
 */
import { initializeForAgent } from "../acp/capabilities.ts";
import { isRecord, RpcError, type Listener } from "../acp/wire.ts";
import { listed } from "../base/text.ts";
import type { AgentProfile } from "../config/config.ts";
import type { TerminalAuth } from "../control/methods.ts";
import { noKiln } from "./boundaries.ts";
import type { AgentPrograms } from "./agent-programs.ts";
import { authMethodUnknown } from "./errors.ts";
import type { RunningAgents } from "./running-agents.ts";

export interface TerminalLoginRequest {
  profile: AgentProfile;
  method: string;
  agents: RunningAgents;
  programs: AgentPrograms;
  version: string;
  home: string;
}

/** Asks the agent for its methods anew. Rejects with CRU_AUTH_METHOD_UNKNOWN and what starting an agent can reject with. */
export async function terminalLogin(request: TerminalLoginRequest): Promise<TerminalAuth> {
  const { profile, agents, programs, version, home } = request;
  const initialize = initializeForAgent({ clientCapabilities: { auth: { terminal: true } } }, version);
  const agent = await agents.start({
    profile,
    initialize,
    owner: nobody,
    cwd: home,
    // It only tells how to sign in, which is done in the user's own terminal.
    boundary: { worksFor: "editor", kiln: noKiln(home) },
    hasTools: false,
  });
  const methods = agent.initializeResult["authMethods"];
  await agent.end();

  const terminal = (Array.isArray(methods) ? methods.filter(isRecord) : []).filter(({ type }) => type === "terminal");
  const method = terminal.find(({ id }) => id === request.method);
  if (!method) {
    const known = terminal.map(({ id }) => String(id));
    throw authMethodUnknown.create(`agent ${profile.name} has no login in a terminal called ${request.method}`, {
      hint: known.length > 0 ? `use ${listed(known)}` : `sign in with its own program: ${profile.command}`,
    });
  }
  const spec = await programs.specFor(profile, home);
  return {
    command: spec.command,
    args: [...spec.args, ...texts(method["args"])],
    env: { ...spec.env, ...textValues(method["env"]) },
    cwd: spec.cwd,
  };
}

const nobody: Listener = {
  request: ({ method }) => Promise.reject(RpcError.methodNotFound(method)),
  notification: () => {},
};

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

function textValues(value: unknown): Record<string, string> {
  const entries = isRecord(value) ? Object.entries(value) : [];
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}
