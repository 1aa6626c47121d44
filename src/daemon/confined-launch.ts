/** Starts a program inside the sandbox that its boundary asks for: agents, and the commands that they have run in terminals. */
import type { Launched } from "../agents/agent.ts";
import type { Launcher, LaunchOptions, LaunchSpec } from "../process/child.ts";
import type { Boundaries, Boundary } from "./boundaries.ts";

export interface ConfinedLaunch {
  spec: LaunchSpec;
  boundary: Boundary;
  boundaries: Boundaries;
  launcher: Launcher;
  options?: LaunchOptions;
}

/** Rejects with what `Boundaries.confine` and the launcher reject with; nothing is left open then. */
export async function launchConfined(launch: ConfinedLaunch): Promise<Launched> {
  const { spec, boundary, boundaries, launcher, options } = launch;
  const confined = await boundaries.confine(spec, boundary);
  try {
    const running = await launcher(confined.spec, options);
    void running.exited.then(() => confined.release());
    const { confinement, unreached, isOffline, toolSockets } = confined;
    return { running, confinement, unreached, isOffline, toolSockets };
  } catch (error) {
    await confined.release();
    throw error;
  } finally {
    confined.started();
  }
}
