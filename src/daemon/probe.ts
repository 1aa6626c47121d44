/**
 * Looks at agents without a daemon: is each profile's program there, and with a probe, does it really start and speak ACP, what
 * can it do, and what does it cost. What `crucible agents` prints.
 */
import { mkdtempSync, realpathSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { initializeForChild } from "../acp/capabilities.ts";
import { isRecord, RpcError, type Listener } from "../acp/wire.ts";
import { startAgent, type Agent } from "../agents/agent.ts";
import { monotonicMs } from "../base/clock.ts";
import { timedOut, within } from "../base/deadline.ts";
import { CrucibleError } from "../base/errors.ts";
import type { Environment } from "../base/paths.ts";
import { programVersion } from "../base/version.ts";
import type { AgentProfile, Config } from "../config/config.ts";
import type { AgentProbe, AgentReport } from "../control/agent-report.ts";
import { createBus } from "../observe/bus.ts";
import type { Launcher } from "../process/child.ts";
import { createLauncher } from "../process/launcher.ts";
import { AgentPrograms } from "./agent-programs.ts";
import { noKiln, type Boundaries, type Boundary } from "./boundaries.ts";
import { explained } from "./child-opener.ts";
import { launchConfined } from "./confined-launch.ts";
import { withTrialBoundaries } from "./sandbox-forecast.ts";
import { makeIn } from "./usable-folder.ts";
import { openTrialTools, type TrialTools } from "./trial-tools.ts";

/** How long an agent with a session has to ask for its tools, in milliseconds; those that connect late do so at their first prompt. */
export const toolsTrialMs = 5000;

export interface ProbeOptions {
  config: Config;
  env?: Environment;
  /** Start each agent that was found and ask it to initialize. */
  start: boolean;
  /** Names; all profiles when missing. */
  only?: readonly string[];
  /** Ask each for a session as well, which shows whether its user has to sign in, and whether Crucible's tools reach it. */
  openSession?: boolean;
  /** Agents started at the same time; one after the other when missing, so that none looks slower than it is. */
  atOnce?: number;
  onStart?: (name: string) => void;
  /** Kills what was started, and has the report reject with its reason. */
  signal?: AbortSignal | undefined;
}

export async function reportAgents(options: ProbeOptions): Promise<AgentReport[]> {
  const { config, env = process.env, start, openSession, signal } = options;
  const programs = new AgentPrograms(() => config, env);
  if (!start) return reportEach(options, (profile) => find(profile, programs));
  const folder = makeIn(tmpdir(), () => realpathSync(mkdtempSync(join(tmpdir(), "crucible-probe-"))));
  try {
    return await withTrialBoundaries({ config, env }, async ({ boundaries, stateDirectory, sockets }) => {
      const tools = openSession ? await openTrialTools(sockets, createBus()) : undefined;
      const launcher = createLauncher({ stateDirectory, graceMs: () => config.limits.graceSeconds * 1000 });
      const onAbort = (): void => launcher.killAllNow();
      signal?.addEventListener("abort", onAbort);
      try {
        // Looked for first, so that the agent that happens to be the first does not look slower than it is.
        await boundaries.trials();
        return await reportEach(options, async (profile) => {
          const report = await find(profile, programs);
          if (report.path === null) return report;
          signal?.throwIfAborted();
          options.onStart?.(profile.name);
          return probed(report, {
            profile,
            programs,
            boundaries,
            launcher,
            folder,
            opened: config.kiln,
            tools,
            signal,
          });
        });
      } finally {
        signal?.removeEventListener("abort", onAbort);
        await launcher.close();
        await tools?.close();
      }
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function reportEach(
  { config, only, atOnce = 1 }: ProbeOptions,
  look: (profile: AgentProfile) => Promise<AgentReport>,
): Promise<AgentReport[]> {
  const profiles = [...config.agents.values()].filter(({ name }) => !only || only.includes(name));
  const reports: AgentReport[] = [];
  const waiting = profiles.entries();
  const lookAtNext = async (): Promise<void> => {
    for (const [index, profile] of waiting) reports[index] = await look(profile);
  };
  await Promise.all(Array.from({ length: atOnce }, lookAtNext));
  return reports;
}

async function find(profile: AgentProfile, programs: AgentPrograms): Promise<AgentReport> {
  const report: AgentReport = {
    name: profile.name,
    from: originOf(profile),
    path: null,
    foundIn: null,
    install: profile.install ?? null,
    description: profile.description,
    problem: null,
    probe: null,
  };
  try {
    const program = await programs.find(profile);
    return { ...report, path: program.path, foundIn: program.origin };
  } catch (error) {
    return { ...report, problem: problemOf(error) };
  }
}

interface ProbeParts {
  profile: AgentProfile;
  programs: AgentPrograms;
  boundaries: Boundaries;
  launcher: Launcher;
  /** Where the agent works. */
  folder: string;
  /** What it reaches besides. */
  opened: Pick<Config["kiln"], "read" | "write">;
  /** Given where a session is asked for. */
  tools: TrialTools | undefined;
  signal: AbortSignal | undefined;
}

/** The report with what the agent says of itself, started as a child would be, or with what kept it from that. */
async function probed(report: AgentReport, parts: ProbeParts): Promise<AgentReport> {
  const { profile, programs, boundaries, launcher, folder, tools, signal } = parts;
  const { read, write } = parts.opened;
  const boundary: Boundary = {
    profile,
    worksFor: "agent",
    kiln: { ...noKiln(folder), read, write, readOnly: false },
    toolSockets: boundaries.holds(profile, "agent") ? tools?.folder : undefined,
  };
  const startedAt = monotonicMs();
  try {
    const agent = await startAgent({
      profile,
      launch: async () =>
        launchConfined({ spec: await programs.specFor(profile, folder), boundary, boundaries, launcher }),
      initialize: initializeForChild({ files: profile.clientFiles, terminals: false }, programVersion()),
      owner: nobody,
      bus: createBus(),
    });
    const milliseconds = Math.round(monotonicMs() - startedAt);
    const residentBytes = await agent.process.residentBytes();
    const { initializeResult, confinement: sandbox, unreached } = agent;
    const probe: AgentProbe = {
      ...capabilitiesOf(initializeResult),
      tools: null,
      unreached,
      sandbox,
      milliseconds,
      residentBytes,
    };
    try {
      if (tools) probe.tools = await tryTools(agent, { tools, cwd: folder, signal });
      return { ...report, probe };
    } catch (error) {
      return { ...report, probe, problem: problemOf(explained(error, profile)) };
    } finally {
      await agent.end();
    }
  } catch (error) {
    return { ...report, problem: problemOf(explained(error, profile)) };
  }
}

/** Opens a session, with the tools as a child gets them if its profile can be given any. Rejects as `Agent.ask` does. */
async function tryTools(
  agent: Agent,
  { tools, cwd, signal }: { tools: TrialTools; cwd: string; signal: AbortSignal | undefined },
): Promise<AgentProbe["tools"]> {
  const { family, delegation } = agent.profile;
  const offer = family !== undefined || delegation.enabled ? tools.offer(agent) : undefined;
  const startedAt = monotonicMs();
  await agent.ask({ method: "session/new", params: { cwd, mcpServers: offer?.servers ?? [] } });
  if (!offer) return null;
  const reached = (await within(offer.listed, toolsTrialMs, signal)) !== timedOut;
  return { over: offer.over, reached, milliseconds: Math.round(monotonicMs() - startedAt) };
}

const nobody: Listener = {
  request: ({ method }) => Promise.reject(RpcError.methodNotFound(method)),
  notification: () => {},
};

function capabilitiesOf(
  result: Readonly<Record<string, unknown>>,
): Omit<AgentProbe, "tools" | "unreached" | "sandbox" | "milliseconds" | "residentBytes"> {
  const info = isRecord(result["agentInfo"]) ? result["agentInfo"] : {};
  const capabilities = isRecord(result["agentCapabilities"]) ? result["agentCapabilities"] : {};
  const mcp = isRecord(capabilities["mcpCapabilities"]) ? capabilities["mcpCapabilities"] : {};
  const authMethods = Array.isArray(result["authMethods"]) ? result["authMethods"].filter(isRecord) : [];
  return {
    name: textOrNull(info["title"]) ?? textOrNull(info["name"]),
    version: textOrNull(info["version"]),
    protocolVersion: typeof result["protocolVersion"] === "number" ? result["protocolVersion"] : null,
    loadSession: capabilities["loadSession"] === true,
    sessionCapabilities: switchedOn(capabilities["sessionCapabilities"]),
    promptCapabilities: switchedOn(capabilities["promptCapabilities"]),
    mcp: ["stdio", ...(["http", "sse"] as const).filter((kind) => mcp[kind] === true)],
    authMethods: authMethods.map((method) => String(method["id"])),
  };
}

/** Names of the members that say yes: `true`, or an object however empty. */
function switchedOn(value: unknown): string[] {
  if (!isRecord(value)) return [];
  return Object.keys(value).filter((name) => name !== "_meta" && value[name] !== false && value[name] !== null);
}

function originOf(profile: AgentProfile): string {
  const [base] = profile.lineage;
  if (base !== undefined) return `extends ${base}`;
  return profile.install === undefined ? "own" : "built-in";
}

function problemOf(error: unknown): NonNullable<AgentReport["problem"]> {
  if (!(error instanceof CrucibleError)) throw error;
  return { code: error.code, message: error.message, hint: error.hint ?? null };
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
