/**
 * Looks at agents without a daemon: is each profile's program there, and with a probe, does it really start and speak ACP, what
 * can it do, and what does it cost. What `crucible agents` prints.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { initializeForChild } from "../acp/capabilities.ts";
import { isRecord, RpcError, type Listener } from "../acp/wire.ts";
import { startAgent, type Agent } from "../agents/agent.ts";
import { monotonicMs } from "../base/clock.ts";
import { timedOut, within } from "../base/deadline.ts";
import { CrucibleError } from "../base/errors.ts";
import { programVersion } from "../base/version.ts";
import type { AgentProfile, Config } from "../config/config.ts";
import type { AgentProbe, AgentReport } from "../control/agent-report.ts";
import { createBus } from "../observe/bus.ts";
import { withoutSandbox } from "../sandbox/confinement.ts";
import { createLauncher } from "../process/launcher.ts";
import { AgentPrograms } from "./agent-programs.ts";
import { explained } from "./child-opener.ts";
import { openTrialTools, type TrialTools } from "./trial-tools.ts";

/** How long an agent with a session has to ask for its tools, in milliseconds; those that connect late do so at their first prompt. */
export const toolsTrialMs = 5000;

export interface ProbeOptions {
  config: Config;
  /** Start each agent that was found and ask it to initialize. */
  start: boolean;
  /** Names; all profiles when missing. */
  only?: readonly string[];
  /** Ask each for a session as well, which shows whether its user has to sign in, and whether Crucible's tools reach it. */
  openSession?: boolean;
  /** Agents started at the same time; one after the other when missing, so that none looks slower than it is. */
  atOnce?: number;
  onStart?: (name: string) => void;
}

export async function reportAgents(options: ProbeOptions): Promise<AgentReport[]> {
  const { config, only, atOnce = 1 } = options;
  const programs = new AgentPrograms(() => config);
  const folder = await mkdtemp(join(tmpdir(), "crucible-probe-"));
  const tools = options.openSession ? await openTrialTools(join(folder, "tools"), createBus()) : undefined;
  const launcher = createLauncher({ stateDirectory: folder, graceMs: () => config.limits.graceSeconds * 1000 });
  try {
    const profiles = [...config.agents.values()].filter(({ name }) => !only || only.includes(name));
    const reports: AgentReport[] = [];
    const waiting = profiles.entries();
    const lookAtNext = async (): Promise<void> => {
      for (const [index, profile] of waiting) {
        const report = await find(profile, programs);
        reports[index] = report;
        if (!options.start || report.path === null) continue;
        options.onStart?.(profile.name);
        await probeInto(report, { profile, programs, launcher, folder, tools });
      }
    };
    await Promise.all(Array.from({ length: atOnce }, lookAtNext));
    return reports;
  } finally {
    await launcher.close();
    await tools?.close();
    await rm(folder, { recursive: true, force: true });
  }
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

async function probeInto(
  report: AgentReport,
  parts: {
    profile: AgentProfile;
    programs: AgentPrograms;
    launcher: ReturnType<typeof createLauncher>;
    folder: string;
    /** Given where a session is asked for. */
    tools: TrialTools | undefined;
  },
): Promise<void> {
  const { profile, programs, launcher, folder, tools } = parts;
  const startedAt = monotonicMs();
  try {
    const agent = await startAgent({
      profile,
      launch: async () => ({
        running: await launcher(await programs.specFor(profile, folder)),
        confinement: withoutSandbox,
        isOffline: false,
        toolSockets: undefined,
      }),
      initialize: initializeForChild({ files: profile.clientFiles, terminals: false }, programVersion()),
      owner: nobody,
      bus: createBus(),
    });
    const milliseconds = Math.round(monotonicMs() - startedAt);
    const residentBytes = await agent.process.residentBytes();
    report.probe = { ...capabilitiesOf(agent.initializeResult), tools: null, milliseconds, residentBytes };
    try {
      if (tools) report.probe.tools = await tryTools(agent, { tools, cwd: folder });
    } finally {
      await agent.end();
    }
  } catch (error) {
    report.problem = problemOf(explained(error, profile));
  }
}

/** Opens a session, with the tools as a child gets them if its profile can be given any. Rejects as `Agent.ask` does. */
async function tryTools(
  agent: Agent,
  { tools, cwd }: { tools: TrialTools; cwd: string },
): Promise<AgentProbe["tools"]> {
  const { family, delegation } = agent.profile;
  const offer = family !== undefined || delegation.enabled ? tools.offer(agent) : undefined;
  const startedAt = monotonicMs();
  await agent.ask({ method: "session/new", params: { cwd, mcpServers: offer?.servers ?? [] } });
  if (!offer) return null;
  const reached = (await within(offer.listed, toolsTrialMs)) !== timedOut;
  return { over: offer.over, reached, milliseconds: Math.round(monotonicMs() - startedAt) };
}

const nobody: Listener = {
  request: ({ method }) => Promise.reject(RpcError.methodNotFound(method)),
  notification: () => {},
};

function capabilitiesOf(
  result: Readonly<Record<string, unknown>>,
): Omit<AgentProbe, "tools" | "milliseconds" | "residentBytes"> {
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
