/**
 * From a profile to what is started: the program, its arguments, its directory and its environment. The environment is the
 * daemon's own with the profile's values over it, without what would make an agent believe that it runs inside another one.
 */
import { homeDirectory, type Environment } from "../base/paths.ts";
import type { AgentProfile, Config } from "../config/config.ts";
import type { LaunchSpec } from "../process/child.ts";
import { agentNotFound } from "./errors.ts";
import { findProgram, type MissingProgram, type Origin } from "./find.ts";
import type { AskLoginPath } from "./login-path.ts";

export interface LaunchRequest {
  readonly profile: AgentProfile;
  readonly config: Pick<Config, "acp">;
  /** Where the agent is started, absolute. */
  readonly cwd: string;
  /** The environment to build on: the daemon's. */
  readonly env: Environment;
  readonly loginPath: AskLoginPath;
}

/** The program that a profile stands for. */
export interface AgentProgram {
  readonly path: string;
  readonly origin: Origin | "npx";
  /** Before the profile's own arguments. */
  readonly leadingArgs: readonly string[];
  /** PATH for the program itself. */
  readonly searchPath: string;
}

/** Rejects with CRU_AGENT_NOT_FOUND. */
export async function launchSpec(request: LaunchRequest): Promise<LaunchSpec> {
  const { profile, cwd } = request;
  const { path, leadingArgs, searchPath } = await findAgent(request);
  return {
    label: profile.name,
    command: path,
    args: [...leadingArgs, ...profile.args],
    env: { ...agentEnvironment(request), PATH: searchPath },
    cwd,
  };
}

/** Where the profile's program is, or how npx stands in for it. Rejects with CRU_AGENT_NOT_FOUND. */
export async function findAgent(request: LaunchRequest): Promise<AgentProgram> {
  const { profile, config, cwd, loginPath } = request;
  const search = { env: agentEnvironment(request), cwd, loginPath };
  const program = await findProgram({ ...search, command: profile.command });
  if (program.path !== undefined) return { ...program, leadingArgs: [] };
  if (!config.acp.npx || profile.npmPackage === undefined) throw notFound(request, program);

  const npx = await findProgram({ ...search, command: "npx" });
  if (npx.path === undefined) throw notFound(request, program, npx);
  // npm takes settings and packages from its prefix, by default the opened project, which could bring programs of its own.
  const leadingArgs = ["-y", "--prefix", homeDirectory(search.env), profile.npmPackage];
  return { ...npx, origin: "npx", leadingArgs };
}

/** Set by Crucible, and by other agents for what they start; each means something only inside the session that set it. */
const namesOfOtherSessions = new RegExp(
  `^(?:${[
    "CRUCIBLE_.*",
    // Claude Code refuses to start, or keeps no transcript, when it sees these. Its settings share the prefix and stay.
    "CLAUDECODE",
    "CLAUDE_CODE_(?:ENTRYPOINT|SESSION_ID|HOST_SESSION_ID|CHILD_SESSION|SESSION_ACCESS_TOKEN|SSE_PORT|EXECPATH)",
    "CLAUDE_(?:PID|JOB_DIR)",
    "CODEX_(?:THREAD_ID|INTERNAL_ORIGINATOR_OVERRIDE|CI)",
    "GEMINI_CLI",
    "OPENCODE(?:_PID|_RUN_ID|_PROCESS_ROLE)?",
    "CURSOR_AGENT",
    // Left by editors built on Electron and by their debuggers for their own child processes.
    "ELECTRON_RUN_AS_NODE",
    "VSCODE_INSPECTOR_OPTIONS",
    // Of the daemon's own directory.
    "OLDPWD",
  ].join("|")})$`,
);

/** All but PATH, which depends on where the program is. */
function agentEnvironment({ profile, env, cwd }: LaunchRequest): Record<string, string> {
  const inherited = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !namesOfOtherSessions.test(entry[0]),
  );
  // Some agents believe PWD before they ask the system where they are.
  return { ...Object.fromEntries(inherited), PWD: cwd, ...profile.env };
}

function notFound({ profile, config }: LaunchRequest, missing: MissingProgram, npx?: MissingProgram): Error {
  const { name, command, install, npmPackage } = profile;
  const ways = [
    missing.remedy,
    install && `install it: ${install}`,
    npmPackage !== undefined && !config.acp.npx && "set `npx = true` under [acp] to run it through npx",
    `set \`command\` under [acp.agents.${name}] to its full path`,
  ].filter(Boolean);
  const reason = npx ? `${missing.reason}; nor is npx there to run ${npmPackage}` : missing.reason;
  return agentNotFound.create(`the agent ${name} was not found: ${reason}`, {
    hint: ways.join(", or "),
    details: { profile: name, command, looked: missing.looked, install },
  });
}
