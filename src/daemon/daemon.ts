/**
 * The composition root: makes every part, ties the ports of one room to what another offers, and takes it all down again in
 * reverse. What a part does is that part's business; what hangs on what is decided here.
 */
import { deferred } from "../base/deferred.ts";
import { messageOf } from "../base/errors.ts";
import { daemonLogFile, defaultSocketPath, stateDirectory } from "../base/paths.ts";
import { Scope } from "../base/scope.ts";
import { programVersion } from "../base/version.ts";
import type { LogLevel } from "../config/config.ts";
import { Delegations } from "../delegation/delegations.ts";
import { Handoffs } from "../delegation/handoff.ts";
import { AccessTokens } from "../mcp/access.ts";
import { ChildrenShown } from "../display/children-shown.ts";
import { createBus, type Bus } from "../observe/bus.ts";
import { logEvents } from "../observe/event-log.ts";
import { openLog } from "../observe/logger.ts";
import { MetricsDoor } from "../observe/metrics-door.ts";
import { tallyEnded } from "../observe/tally.ts";
import { startTracing } from "../observe/tracing.ts";
import { closedIn } from "../kiln/boundary.ts";
import { realIfKnown } from "../kiln/real-path.ts";
import { placeOfChild } from "../kiln/child-kiln.ts";
import { Permissions } from "../permissions/permissions.ts";
import { createLauncher } from "../process/launcher.ts";
import { reapLeftovers } from "../process/reap.ts";
import { startSweeping } from "../process/sweep.ts";
import { noteShown } from "../sessions/shown-notes.ts";
import type { Deleted } from "../sessions/records.ts";
import { SessionRegistry } from "../sessions/registry.ts";
import { startRetention } from "../sessions/retention.ts";
import { openStore } from "../sessions/store.ts";
import { AgentPrograms } from "./agent-programs.ts";
import { Boundaries } from "./boundaries.ts";
import { childOpener } from "./child-opener.ts";
import { claimState } from "./claim-state.ts";
import { commandStarter } from "./commands.ts";
import { controlHandlers } from "./control-handlers.ts";
import { Doors } from "./doors.ts";
import { KilnSurvey } from "./kiln-survey.ts";
import { LeftSessions } from "./left-sessions.ts";
import { LiveConfig } from "./live-config.ts";
import { pipeline } from "./pipeline.ts";
import { holdBack, RunningAgents } from "./running-agents.ts";
import { SessionFactory } from "./session-factory.ts";
import { removeStored } from "./stored-files.ts";
import { successorOpener } from "./successor-opener.ts";
import { listenOnSocket } from "./socket-server.ts";
import { prepareStateFolder } from "./usable-folder.ts";
import { createWayOut, type WayOut } from "./way-out.ts";
import { GitWorktrees } from "./worktrees.ts";
import { ToolDoors } from "./tool-doors.ts";

export interface DaemonOptions {
  configFile: string | undefined;
  socket: string | undefined;
  logLevel: LogLevel | undefined;
  /** Started by a person in a terminal, and not by an editor: `./crucible.toml` counts, and the log goes to stderr as well. */
  handStarted: boolean;
  /** Called when somebody asks the daemon to end. */
  onStopRequested: () => void;
}

export interface Daemon {
  readonly socketPath: string;
  readonly logFile: string;
  readonly agentCount: number;
  /** Reads the configuration again; on an error the old one stays and the log says why. */
  reload(): void;
  /** Ends gracefully: doors, sessions, agents, store, log. */
  close(): Promise<void>;
  /** Kills every agent's process tree without waiting: the last thing before a forced exit. */
  killAllNow(): void;
  /** Takes the socket's name away without waiting, so that callers find none. */
  abandonSocket(): void;
}

/** Starts everything, or nothing: what was begun before a failure is taken down again. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const bus = createBus();
  const scope = new Scope((what, error) => bus.emit("bug", { where: `closing ${what}`, error }));
  try {
    return await compose(options, bus, scope);
  } catch (error) {
    await scope.close();
    throw error;
  }
}

async function compose(options: DaemonOptions, bus: Bus, scope: Scope): Promise<Daemon> {
  const { configFile, handStarted, logLevel } = options;
  const config = new LiveConfig({ file: configFile, env: process.env, cwd: process.cwd(), handStarted }, bus);
  const { server } = config.current;
  const socketPath = options.socket ?? server.socket ?? defaultSocketPath();
  const state = stateDirectory();
  prepareStateFolder(state);

  // The socket comes before all that a second daemon must not touch; callers wait until the rest stands.
  const doorsReady = deferred<Doors | undefined>();
  const listener = await listenOnSocket(socketPath, async (socket, greeting) => {
    const ready = await doorsReady.promise;
    if (ready) await ready.open(socket, greeting);
    else socket.destroy();
  });
  scope.add("socket", () => listener.close());
  // Those who wait when the start fails would hold up its end, and wait for ever.
  scope.add("waiting callers", () => doorsReady.resolve(undefined));

  const log = openLog({ level: logLevel ?? server.logLevel, file: daemonLogFile(), stderr: handStarted });
  scope.add("log", () => log.close());
  logEvents(bus, log);
  bus.on("config.reloaded", () => log.setLevel(logLevel ?? config.current.server.logLevel));

  const version = programVersion();
  const tracing = await startTracing(process.env, { bus, version });
  if (tracing) scope.add("tracing", () => tracing.close());

  const store = openStore(state, bus);
  scope.add("store", () => store.close());
  const isOwner = claimState(state, { store, bus, scope });

  const warn = (message: string): void => bus.emit("warning", { where: "processes", message });
  await reapLeftovers(state, { onWarning: warn });
  const boundaries = new Boundaries({
    config: () => config.current,
    stateDirectory: state,
    socketPath,
    openWayOut: () => wayOut.open(),
    onWarning: (message) => bus.emit("warning", { where: "sandbox", message }),
  });
  bus.on("config.reloaded", () => boundaries.revise());
  const worktrees = new GitWorktrees({
    stateDirectory: state,
    confine: (spec, { read, write }) => boundaries.confineTool(spec, { read, write }),
    onWarning: (message) => bus.emit("warning", { where: "worktrees", message }),
  });
  if (isOwner)
    await worktrees.sweep((id, patch) => {
      // The patch of a worktree whose daemon died belongs to the delegation that died with it.
      const record = store.findDelegation(id);
      if (record) store.saveDelegation({ ...record, artifacts: [...record.artifacts, { ...patch }] });
    });
  const launcher = createLauncher({
    stateDirectory: state,
    graceMs: () => config.current.limits.graceSeconds * 1000,
    onWarning: warn,
  });
  scope.add("agents", () => launcher.close());
  scope.add("sweep", startSweeping({ stateDirectory: state, launcher, onWarning: warn }));

  const survey = new KilnSurvey({ bus, stateDirectory: state, scope });
  const registry = new SessionRegistry(bus);
  bus.on("config.reloaded", () => registry.revise((name) => config.current.agents.get(name)));
  const programs = new AgentPrograms(() => config.current);
  const openToolSockets = (): Promise<string> => tools.openSockets();
  const agents = new RunningAgents({
    launcher,
    programs,
    boundaries,
    survey,
    openToolSockets,
    config: () => config.current,
    bus,
    endResting: () => delegations.endOldestResting(),
  });
  const startCommand = commandStarter({ launcher, programs, boundaries });
  const permissions = new Permissions({ bus, realPath: realIfKnown, closedBy: closedIn });
  bus.on("permission.decided", ({ agent: _agent, ...decided }) => store.savePermission(decided));
  const tokens = new AccessTokens();
  const shown = new ChildrenShown({
    bus,
    record: (id) => store.findDelegation(id),
    keep: ({ id }, update) => noteShown(store, id, update),
    holdBack,
  });

  // Sessions have tools, tools delegate, and delegations make sessions: the ring is closed by functions called later.
  const sessions: SessionFactory = new SessionFactory({
    bus,
    store,
    registry,
    pipeline: (session) => pipeline(session, { store, delegations, handoffs, permissions, startCommand, shown, bus }),
    toolsFor: (session, agent) => tools.offer(session, agent),
  });
  const openChild = childOpener({ agents, sessions, store, version });
  const delegations: Delegations = new Delegations({
    config: () => config.current,
    placeOfChild,
    openChild,
    worktrees,
    store,
    bus,
  });
  const handoffs = new Handoffs({
    agentsOf: (session) => delegations.agentsOf(session),
    budgetOf: (session) => delegations.budgetOf(session),
    openSuccessor: successorOpener({ agents, sessions, version }),
    store,
    bus,
  });
  const context = { config: () => config.current, delegations, handoffs, store, bus };
  const tools: ToolDoors = new ToolDoors({
    tokens,
    socketPath,
    // Who comes through these has a token of one session, or nothing.
    openDoor: (socket, greeting) => doors.open(socket, { ...greeting, holdsKey: false }),
    network: () => config.current.kiln.network,
    context,
    bus,
  });
  scope.add("tools", () => tools.close());
  const wayOut: WayOut = createWayOut({
    network: () => config.current.kiln.network,
    openSockets: openToolSockets,
    bus,
  });
  scope.add("way out", () => wayOut.close());
  scope.add("worktrees", () => worktrees.close());
  scope.add("sessions", () => registry.endAll("the daemon is ending"));

  const remove = (id: string): Promise<Deleted> => removeStored(id, { store, stateDirectory: state });
  if (isOwner) {
    const retention = startRetention({
      store,
      limits() {
        const { retentionDays, maxStoreMb } = config.current.server;
        return { maxAgeDays: retentionDays, maxBytes: maxStoreMb * 1024 * 1024 };
      },
      isLive: (id) => registry.get(id) !== undefined,
      remove,
      onFailure: (error) => bus.emit("warning", { where: "store", message: messageOf(error) }),
    });
    scope.add("retention", retention);
  }

  const startedAt = Date.now();
  const parts = {
    config,
    bus,
    store,
    version,
    registry,
    agents,
    boundaries,
    programs,
    sessions,
    delegations,
    permissions,
    left: new LeftSessions(delegations),
    handoffs,
    shown,
    tokens,
    tools,
    remove,
  };
  const control = controlHandlers({
    ...parts,
    onStopRequested: options.onStopRequested,
    facts: () => ({
      startedAt,
      socket: socketPath,
      stateDirectory: state,
      logFile: log.file,
      mcpUrl: tools.url,
      tracing: tracing ? { endpoint: tracing.endpoint, trouble: tracing.trouble } : null,
    }),
    ended: tallyEnded(bus),
    editors: () => doors.editorCount,
    connections: () => doors.connectionCount,
  });
  const doors: Doors = new Doors({ ...parts, control });
  scope.add("editors", () => doors.close());
  const metrics = new MetricsDoor({
    bus,
    gauges: () => ({
      editors: doors.editorCount,
      sessions: registry.size,
      agents: agents.size,
      delegations: delegations.counts(),
      storeIsKept: store.health.degradedSince === null,
      traffic: agents.traffic,
    }),
    isProfile: (name) => config.current.agents.has(name),
  });
  scope.add("metrics", () => metrics.close());
  await metrics.moveTo(server.metricsPort);
  bus.on("config.reloaded", () => void metrics.moveTo(config.current.server.metricsPort));
  doorsReady.resolve(doors);
  // Whoever is told that the daemon ends looks for another one, and must not come back to this one.
  scope.add("callers", () => listener.closeDoor());

  return {
    socketPath,
    logFile: log.file,
    get agentCount() {
      return agents.size;
    },
    reload: () => config.reload(),
    close: () => scope.close(),
    killAllNow: () => launcher.killAllNow(),
    abandonSocket: () => listener.abandon(),
  };
}
