/**
 * What would hold an agent on this machine, for those who ask before one is started (`crucible doctor`, `crucible explain`): the
 * mechanisms are tried as the daemon tries them, in a folder that goes away. Needs no daemon.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { stateDirectory as stateDirectoryOf, type Environment } from "../base/paths.ts";
import { CrucibleError } from "../base/errors.ts";
import type { AgentProfile, Config } from "../config/config.ts";
import type { Confinement } from "../sandbox/confinement.ts";
import { Boundaries } from "./boundaries.ts";

/** What would hold an agent, or why it would not be started: one of the two is null. */
export interface Forecast {
  readonly sandbox: Confinement | null;
  readonly error: { readonly code: string; readonly message: string; readonly hint: string | null } | null;
}

/** What would hold a child of this profile that works in these directories, or why it would not be started. */
export async function foreseen(
  boundaries: Boundaries,
  profile: AgentProfile,
  directories: readonly string[],
): Promise<Forecast> {
  try {
    return { sandbox: await boundaries.foresee(profile, "agent", directories), error: null };
  } catch (error) {
    if (!(error instanceof CrucibleError)) throw error;
    const { code, message, hint = null } = error;
    return { sandbox: null, error: { code, message, hint } };
  }
}

/** Boundaries for looking only, with a state folder that goes away. */
export async function withTrialBoundaries<Answer>(
  { config, env }: { config: Config; env: Environment },
  use: (boundaries: Boundaries) => Promise<Answer>,
): Promise<Answer> {
  // Where the daemon would try it: a mechanism may hold in one place and not in another.
  const state = stateDirectoryOf(env);
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const stateDirectory = mkdtempSync(join(state, "trial-"));
  try {
    const socketPath = join(stateDirectory, "daemon.sock");
    return await use(
      new Boundaries({
        config: () => config,
        stateDirectory,
        socketPath,
        env,
        openWayOut: () => Promise.reject(new Error("nothing is started here that could go anywhere")),
        onWarning: () => {},
      }),
    );
  } finally {
    rmSync(stateDirectory, { recursive: true, force: true });
  }
}
