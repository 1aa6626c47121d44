/**
 * The agents that run in this daemon: starts them within the limit, remembers what each said of itself, and ends them all.
 */
import { noTraffic, type Traffic } from "../acp/traffic.ts";
import type { Listener } from "../acp/wire.ts";
import { Agent, startAgent, type Launched } from "../agents/agent.ts";
import { agentLimit } from "../agents/errors.ts";
import { watchLimits } from "../agents/limits.ts";
import type { AgentProfile, Config } from "../config/config.ts";
import type { Bus } from "../observe/bus.ts";
import type { LocalLauncher } from "../process/launcher.ts";
import type { Session } from "../sessions/session.ts";
import type { Boundaries, Boundary } from "./boundaries.ts";
import { launchConfined } from "./confined-launch.ts";
import type { KilnSurvey } from "./kiln-survey.ts";
import type { AgentPrograms } from "./agent-programs.ts";

export interface AgentRequest {
  profile: AgentProfile;
  /** Parameters of `initialize`. */
  initialize: Record<string, unknown>;
  owner: Listener;
  /** Directory to start in, unless the profile names one. */
  cwd: string;
  /** Whom it works for, and where: decides on its sandbox. */
  boundary: Omit<Boundary, "profile" | "toolSockets">;
  /** Whether it is given tools, which it has to reach. */
  hasTools: boolean;
  /** The one session it is started for; undefined when it serves an editor's. */
  sessionId?: string | undefined;
  signal?: AbortSignal;
}

export interface RunningAgentsParts {
  launcher: LocalLauncher;
  programs: AgentPrograms;
  boundaries: Boundaries;
  survey: KilnSurvey;
  /** Opens the sockets of tools, if they are not, and gives their directory. */
  openToolSockets: () => Promise<string>;
  config: () => Config;
  bus: Bus;
  /** Ends an agent that works for nobody, if there is one; resolves when it is gone. */
  endResting: () => Promise<void> | undefined;
}

export class RunningAgents {
  readonly #parts: RunningAgentsParts;
  /** What all agents have said and were told. */
  readonly traffic: Traffic = noTraffic();
  readonly #live = new Set<Agent>();
  readonly #answers = new Map<string, Readonly<Record<string, unknown>>>();
  #starting = 0;

  constructor(parts: RunningAgentsParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#live.size;
  }

  /** Rejects with CRU_AGENT_LIMIT, CRU_AGENT_NOT_FOUND or CRU_AGENT_START; nothing is left running then. */
  async start(request: AgentRequest): Promise<Agent> {
    const { profile, boundary, signal } = request;
    const { bus, boundaries, survey } = this.#parts;
    await this.#takePlace(signal);
    try {
      const agent = await startAgent({ ...request, launch: () => this.#launch(request), bus, traffic: this.traffic });
      this.#live.add(agent);
      if (boundaries.holds(profile, boundary.worksFor)) void survey.look(boundary.kiln);
      watchLimits({
        profile,
        running: agent.process,
        limits: () => this.#parts.config().limits,
        onExceeded: (error) => void agent.fail(error),
      });
      this.#answers.set(answerKey(profile, request.initialize), agent.initializeResult);
      void agent.process.exited.then(() => this.#live.delete(agent));
      return agent;
    } finally {
      this.#starting--;
    }
  }

  async #launch({ profile, cwd, boundary, hasTools, sessionId, signal }: AgentRequest): Promise<Launched> {
    const { programs, boundaries, launcher, openToolSockets, bus } = this.#parts;
    const spec = await programs.specFor(profile, cwd);
    const isHeld = boundaries.holds(profile, boundary.worksFor);
    const toolSockets = hasTools && isHeld ? await openToolSockets() : undefined;
    const onStderr = (line: string): void => bus.emit("agent.stderr", { profile: profile.name, sessionId, line });
    return launchConfined({
      spec,
      boundary: { profile, ...boundary, toolSockets },
      boundaries,
      launcher,
      options: { signal, onStderr },
    });
  }

  /** What an agent of this profile answered to the same `initialize` earlier. */
  knownAnswer(
    profile: AgentProfile,
    initialize: Record<string, unknown>,
  ): Readonly<Record<string, unknown>> | undefined {
    return this.#answers.get(answerKey(profile, initialize));
  }

  // Those that only rest go first. A place that is seen is taken at once: others look for one at the same moment.
  async #takePlace(signal: AbortSignal | undefined): Promise<void> {
    while (this.#isFull) {
      const ending = this.#parts.endResting();
      if (!ending) throw this.#noPlace();
      await ending;
      signal?.throwIfAborted();
    }
    this.#starting++;
  }

  /** One that is on its way out takes no place any more. */
  get #alive(): number {
    return [...this.#live].filter((agent) => agent.alive).length;
  }

  get #isFull(): boolean {
    return this.#alive + this.#starting >= this.#parts.config().server.maxAgents;
  }

  #noPlace(): Error {
    const { maxAgents } = this.#parts.config().server;
    return agentLimit.create(`${maxAgents} agents run in this daemon already`, {
      hint: "wait for one to end, or raise max_agents under [server]",
      details: { running: this.#alive, maxAgents },
    });
  }
}

// A profile that was changed by a reload, and an editor that can do other things, get an answer of their own.
function answerKey(profile: AgentProfile, initialize: Record<string, unknown>): string {
  return JSON.stringify([profile.command, profile.args, profile.env, initialize["clientCapabilities"]]);
}

/** Has the agent behind a session wait before it says more, or go on. */
export function holdBack(session: Session, isHeld: boolean): void {
  const agent = session.binding?.peer;
  if (!(agent instanceof Agent)) return;
  if (isHeld) agent.pause();
  else agent.resume();
}
