/**
 * What would hold an agent on this machine, for those who ask without a daemon (`crucible doctor`, `explain`, `agents --probe`): the
 * mechanisms are tried, and agents held, as the daemon does it, in a folder that goes away.
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultSocketPath, stateDirectory as stateDirectoryOf, type Environment } from "../base/paths.ts";
import { CrucibleError } from "../base/errors.ts";
import type { AgentProfile, Config, NetworkRule } from "../config/config.ts";
import { createBus } from "../observe/bus.ts";
import type { Confinement } from "../sandbox/confinement.ts";
import { Boundaries } from "./boundaries.ts";
import { makeIn } from "./usable-folder.ts";
import { createWayOut } from "./way-out.ts";

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

export interface TrialPlace {
  readonly boundaries: Boundaries;
  readonly stateDirectory: string;
  /** Folder of the sockets that agents in a sandbox are given. */
  readonly sockets: string;
}

/** Boundaries without a daemon, with a state folder that goes away. Rejects with CRU_FOLDER_UNUSABLE where there can be none. */
export async function withTrialBoundaries<Answer>(
  { config, env }: { config: Config; env: Environment },
  use: (place: TrialPlace) => Promise<Answer>,
): Promise<Answer> {
  // Where the daemon would try it: a mechanism may hold in one place and not in another.
  const state = stateDirectoryOf(env);
  const stateDirectory = makeIn(state, () => {
    mkdirSync(state, { recursive: true, mode: 0o700 });
    return realpathSync(mkdtempSync(join(state, "trial-")));
  });
  const network = (): NetworkRule => config.kiln.network;
  // Not there, where somebody may have let others in, or names be too long for sockets.
  const sockets = makeIn(tmpdir(), () => realpathSync(mkdtempSync(join(tmpdir(), "crucible-sockets-"))));
  const wayOut = createWayOut({ network, openSockets: async () => sockets, bus: createBus() });
  try {
    const boundaries = new Boundaries({
      config: () => config,
      stateDirectory,
      hiddenFolder: state,
      socketPath: config.server.socket ?? defaultSocketPath(env),
      env,
      openWayOut: () => wayOut.open(),
      onWarning: () => {},
    });
    return await use({ boundaries, stateDirectory, sockets });
  } finally {
    await wayOut.close();
    for (const folder of [stateDirectory, sockets]) rmSync(folder, { recursive: true, force: true });
  }
}
