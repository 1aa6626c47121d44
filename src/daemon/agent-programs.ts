/**
 * From profiles to programs on this machine: what to start, and what is there at all. Keeps what the login shell said, so that
 * it is asked once in the life of a daemon.
 */
import { commandEnvironment, findAgent, launchSpec, type AgentProgram } from "../agents/launch-spec.ts";
import { createLoginPath } from "../agents/login-path.ts";
import { homeDirectory, type Environment } from "../base/paths.ts";
import type { AgentProfile, Config } from "../config/config.ts";
import type { LaunchSpec } from "../process/child.ts";

export class AgentPrograms {
  readonly #config: () => Config;
  readonly #env: Environment;
  readonly #loginPath: ReturnType<typeof createLoginPath>;

  constructor(config: () => Config, env: Environment = process.env) {
    this.#config = config;
    this.#env = env;
    this.#loginPath = createLoginPath(env);
  }

  /** Rejects with CRU_AGENT_NOT_FOUND. */
  specFor(profile: AgentProfile, cwd: string): Promise<LaunchSpec> {
    return launchSpec(this.#request(profile, profile.cwd ?? cwd));
  }

  /** Rejects with CRU_AGENT_NOT_FOUND. */
  find(profile: AgentProfile): Promise<AgentProgram> {
    return findAgent(this.#request(profile, profile.cwd ?? homeDirectory(this.#env)));
  }

  /** What a command gets that an agent of this profile has run in a terminal. Rejects with CRU_AGENT_NOT_FOUND. */
  async commandEnvironment(profile: AgentProfile, cwd: string): Promise<Record<string, string>> {
    const { searchPath } = await this.find(profile);
    return { ...commandEnvironment({ profile, env: this.#env, cwd }), PATH: searchPath };
  }

  #request(profile: AgentProfile, cwd: string): Parameters<typeof launchSpec>[0] {
    return { profile, config: this.#config(), cwd, env: this.#env, loginPath: this.#loginPath };
  }
}
