/**
 * Watches what an agent uses with all it starts, and says when that is more than it may. By looking now and then: what an
 * agent reserves says nothing, and the kernel's own limits end the wrong process or none.
 */
import type { CrucibleError } from "../base/errors.ts";
import { formatBytes } from "../base/text.ts";
import type { AgentProfile, Config } from "../config/config.ts";
import type { RunningProcess } from "../process/child.ts";
import { agentOverLimits } from "./errors.ts";

/** How often is looked, in milliseconds. */
const limitCheckMs = 2000;

export interface LimitsWatch {
  readonly profile: Pick<AgentProfile, "name">;
  readonly running: Pick<RunningProcess, "usage" | "exited">;
  /** Asked each time, since the configuration may change. */
  readonly limits: () => Pick<Config["limits"], "memory" | "pids">;
  /** Called once, with CRU_AGENT_LIMITS. */
  readonly onExceeded: (error: CrucibleError) => void;
}

/** Watches until it ends or has used too much. */
export function watchLimits({ profile, running, limits, onExceeded }: LimitsWatch): void {
  let isLooking = false;
  const look = async (): Promise<void> => {
    const { memory, pids } = limits();
    if (isLooking || (memory === undefined && pids === undefined)) return;
    isLooking = true;
    const { residentBytes, processes } = await running.usage().finally(() => (isLooking = false));
    const tooMuch =
      memory !== undefined && residentBytes > memory
        ? { what: `${formatBytes(residentBytes)} of memory`, allowed: formatBytes(memory), key: "memory" }
        : pids !== undefined && processes > pids
          ? { what: `${processes} processes`, allowed: String(pids), key: "pids" }
          : undefined;
    if (!tooMuch) return;
    clearInterval(timer);
    const { what, allowed, key } = tooMuch;
    onExceeded(
      agentOverLimits.create(`agent ${profile.name} was ended: it used ${what}, and may use ${allowed}`, {
        hint: `give it a smaller task, or raise ${key} under [limits]`,
        details: { profile: profile.name, residentBytes, processes, memory, pids },
      }),
    );
  };
  // One that fails to look looks again: what it could not read was a process that ended.
  const timer = setInterval(() => void look().catch(() => {}), limitCheckMs);
  timer.unref();
  void running.exited.then(() => clearInterval(timer));
}
