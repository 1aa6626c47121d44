/**
 * One life of a daemon, long in sessions and short in time: light agents by the thousand, from editors, terminals and MCP clients,
 * one round like the other. What the daemon holds when all is quiet must not grow with the number of sessions it has had.
 */
import { join } from "node:path";
import { openDoor } from "../../src/control/door.ts";
import { control } from "../integration/delegating.ts";
import { until } from "../support/conditions.ts";
import { createTestHome, serve, type TestDaemon } from "../support/daemon.ts";
import { LinePeer } from "../support/line-peer.ts";
import { measure, slope } from "./gauge.ts";
import { instrument, usedMb } from "./instrumented.ts";
import { Ledger } from "./ledger.ts";

export interface SoakReport {
  sessions: number;
  delegations: number;
  usedMb: { first: number; last: number; perThousandSessions: number };
  residentMb: { first: number; last: number };
  descriptors: { first: number; last: number };
}

/** Until then the daemon loads, compiles and fills what is bounded. */
const warmUpSessions = 1000;

/** Most that a thousand sessions may leave in use, in megabytes: a kilobyte each. One that is not let go of takes thirty. */
const mostMbPerThousandSessions = 1;

const mostDescriptorsMore = 2;
const atOnce = 4;
const livesPerRound = 24;

/** Throws when something is left over, or has grown. */
export async function runSoak({ sessions, onRound }: SoakOptions): Promise<SoakReport> {
  const program = JSON.stringify(join(import.meta.dirname, "../agents/quick.sh"));
  const rules = "enabled = true\nmax_concurrent_delegations = 4";
  const home = await createTestHome(
    `[acp.agents.quick]\ncommand = ${program}\n[acp.agents.quick.delegation]\n${rules}\n`,
  );
  instrument(home);
  await using daemon = await serve(home);
  const ledger = new Ledger();
  const samples: Sample[] = [];
  while (ledger.counts.sessions < sessions) {
    await inTurn(
      [editorLife, terminalLife, clientLife].flatMap((life) => Array<Life>(livesPerRound).fill(life)),
      daemon,
    );
    await until(() => isQuiet(daemon), { what: "all to be over", timeoutMs: 30_000 });
    ledger.read(daemon.stderr);
    if (ledger.violations.length > 0) throw new Error(ledger.violations.join("\n"));
    const sample = { sessions: ledger.counts.sessions, usedMb: await usedMb(daemon), ...measure(daemon.pid)! };
    samples.push(sample);
    onRound?.(`${sample.sessions} sessions: ${sample.usedMb.toFixed(1)} MB in use, ${sample.descriptors} descriptors`);
  }
  return reportOf(samples, ledger);
}

export interface SoakOptions {
  /** How many at least; more than twice those of the warm-up. */
  sessions: number;
  onRound?: (line: string) => void;
}

interface Sample {
  sessions: number;
  usedMb: number;
  residentMb: number;
  descriptors: number;
}

type Life = (daemon: TestDaemon) => Promise<void>;

function reportOf(samples: readonly Sample[], ledger: Ledger): SoakReport {
  const warm = samples.filter((sample) => sample.sessions > warmUpSessions);
  const [first, last] = [warm[0]!, warm.at(-1)!];
  const perThousandSessions = slope(warm.map((sample) => ({ x: sample.sessions / 1000, y: sample.usedMb })));
  if (perThousandSessions > mostMbPerThousandSessions) {
    throw new Error(`a thousand sessions leave ${perThousandSessions.toFixed(2)} MB in use`);
  }
  if (last.descriptors > first.descriptors + mostDescriptorsMore) {
    throw new Error(`${first.descriptors} descriptors were open, and now ${last.descriptors}`);
  }
  return {
    sessions: last.sessions,
    delegations: ledger.delegations.size,
    usedMb: { first: first.usedMb, last: last.usedMb, perThousandSessions },
    residentMb: { first: first.residentMb, last: last.residentMb },
    descriptors: { first: first.descriptors, last: last.descriptors },
  };
}

/** A few at once. */
async function inTurn(lives: readonly Life[], daemon: TestDaemon): Promise<void> {
  const left = lives.values();
  const work = async (): Promise<void> => {
    for (const life of left) await life(daemon);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

async function isQuiet(daemon: TestDaemon): Promise<boolean> {
  using door = await control(daemon);
  const { sessions, agents, editors, delegations } = await door.request("status", {});
  return sessions + agents + editors + delegations.running + delegations.queued === 0;
}

/** Three sessions on one agent, the last turn of which is cancelled. */
async function editorLife(daemon: TestDaemon): Promise<void> {
  const peer = await Caller.at(daemon, { door: "editor", agent: "quick", cwd: daemon.kiln });
  await peer.ask("initialize", { protocolVersion: 1 });
  for (const text of ["hello", "hello again", "never-answer"]) {
    const { sessionId } = await peer.ask("session/new", { cwd: daemon.kiln, mcpServers: [] });
    const turn = peer.ask("session/prompt", { sessionId, prompt: [{ type: "text", text }] });
    if (text === "never-answer") peer.tell("session/cancel", { sessionId });
    await turn;
  }
  peer.leave();
}

async function terminalLife(daemon: TestDaemon): Promise<void> {
  using door = await control(daemon);
  await door.request("delegate", { agent: "quick", task: "hello", cwd: daemon.kiln });
}

/** A batch, one in the background that is cancelled, and one that is left to the end of its caller. */
async function clientLife(daemon: TestDaemon): Promise<void> {
  const peer = await Caller.at(daemon, { door: "mcp", agent: "quick", cwd: daemon.kiln });
  const clientInfo = { name: "soak", version: "1" };
  await peer.ask("initialize", { protocolVersion: "2025-06-18", capabilities: {}, clientInfo });
  peer.tell("notifications/initialized", {});
  const call = async (name: string, input: object): Promise<Record<string, unknown>> =>
    (await peer.ask("tools/call", { name, arguments: input }))["structuredContent"] as Record<string, unknown>;
  // Itself it is in the lineage already.
  const task = { agent: "self", task: "hello" };
  await call("delegate_session", { tasks: [task, task, task] });
  const silent = { agent: "self", task: "never-answer", background: true };
  const { delegation_id: id } = await call("delegate_session", silent);
  await call("cancel_delegation", { id });
  await call("read_delegation", { id });
  await call("delegate_session", silent);
  peer.leave();
}

/** Whoever speaks JSON-RPC over a door of the daemon. */
class Caller {
  readonly #peer: LinePeer;
  #lastId = 0;

  constructor(peer: LinePeer) {
    this.#peer = peer;
  }

  static async at(daemon: TestDaemon, hello: Parameters<typeof openDoor>[1]): Promise<Caller> {
    return new Caller(new LinePeer(await openDoor(daemon.home.socket, hello)));
  }

  async ask(method: string, params: object): Promise<Record<string, unknown>> {
    const id = ++this.#lastId;
    this.#peer.send({ jsonrpc: "2.0", id, method, params });
    const { result, error } = await this.#peer.waitFor({ id });
    if (error) throw new Error(`${method} answered ${JSON.stringify(error)}`);
    return result as Record<string, unknown>;
  }

  tell(method: string, params: object): void {
    this.#peer.send({ jsonrpc: "2.0", method, params });
  }

  leave(): void {
    this.#peer.stream.destroy();
  }
}
