/**
 * From a profile to what is started: the program, its arguments, its directory and its environment. The environment is
 * what the profile's agents inherit of the daemon's (config/environment.ts), with the profile's own values over it.
 */
import { homeDirectory, type Environment } from "../base/paths.ts";
import type { AgentProfile, Config } from "../config/config.ts";
import { commonNamesIn, inheritedNames } from "../config/environment.ts";
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
  // Crucible itself looks with all it knows.
  const search = { env: { ...request.env, ...profile.env }, cwd, loginPath };
  const program = await findProgram({ ...search, command: profile.command });
  if (program.path !== undefined) return { ...program, leadingArgs: [] };
  if (!config.acp.npx || profile.npmPackage === undefined) throw notFound(request, program);

  const npx = await findProgram({ ...search, command: "npx" });
  if (npx.path === undefined) throw notFound(request, program, npx);
  // npm takes settings and packages from its prefix, by default the opened project, which could bring programs of its own.
  const leadingArgs = ["-y", "--prefix", homeDirectory(search.env), profile.npmPackage];
  return { ...npx, origin: "npx", leadingArgs };
}

/** All but PATH, which depends on where the program is. */
function agentEnvironment({ profile, env, cwd }: LaunchRequest): Record<string, string> {
  return { ...only(inheritedNames(profile, env), env), PWD: cwd, ...profile.env };
}

/** What a command gets that an agent has run: nothing of the agent's vendor, which has the command's own network to itself. */
export function commandEnvironment({
  profile,
  env,
  cwd,
}: Omit<LaunchRequest, "config" | "loginPath">): Record<string, string> {
  return { ...only(commonNamesIn(env), env), PWD: cwd, ...profile.env };
}

function only(names: readonly string[], env: Environment): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, env[name] ?? ""]));
}

function notFound({ profile, config }: LaunchRequest, missing: MissingProgram, npx?: MissingProgram): Error {
  const { name, command, install, npmPackage } = profile;
  const ways = [
    missing.remedy,
    install && `install it: ${install}`,
    npmPackage !== undefined && !config.acp.npx && "set `npx = true` under [acp] to run it through npx",
    missing.remedy === undefined && `set \`command\` under [acp.agents.${name}] to its full path`,
  ].filter(Boolean);
  const reason = npx ? `${missing.reason}; nor is npx there to run ${npmPackage}` : missing.reason;
  return agentNotFound.create(`the agent ${name} was not found: ${reason}`, {
    hint: ways.join(", or "),
    details: { profile: name, command, looked: missing.looked, install },
  });
}
