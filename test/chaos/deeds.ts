/**
 * What can happen to a daemon in a chaos run: a table of deeds, each with how likely it is. A deed begins something and does not
 * wait for its end, so that everything overlaps. It says in a few words what it did, or undefined when it could not.
 */
import type { Ledger } from "./ledger.ts";
import type { Random } from "./random.ts";
import { leafAgents, rootAgents, type ChaosSession, type World } from "./world.ts";

export interface Deed {
  name: string;
  weight: number;
  run(world: World, ledger: Ledger): Promise<string | undefined> | string | undefined;
}

/** What a child says to the message that it may be sent while it works. */
export const answerToMessage = "one thing more";

const mostEditors = 5;
const mostSessions = 3;

export const deeds: readonly [Deed, ...Deed[]] = [
  {
    name: "editor comes",
    weight: 6,
    async run(world) {
      if (world.editors.length >= mostEditors) return undefined;
      const editor = await world.openEditor(world.random.pick(rootAgents)!);
      await openSession(world, editor.number);
      return `editor ${editor.number} ${editor.isBridge ? "through crucible acp" : "on the socket"}`;
    },
  },
  {
    name: "editor goes",
    weight: 2,
    run(world) {
      const editor = world.random.pick(world.editors);
      if (!editor) return undefined;
      const gently = world.random.chance(0.5);
      void world.closeEditor(editor, { gently });
      return `editor ${editor.number}${gently ? "" : ", killed"}`;
    },
  },
  {
    name: "session",
    weight: 4,
    async run(world) {
      const editor = world.random.pick(world.editors);
      if (!editor || editor.sessions.length >= mostSessions) return undefined;
      return (await openSession(world, editor.number))?.id;
    },
  },
  {
    name: "prompt",
    weight: 30,
    run(world, ledger) {
      const session = world.random.pick(sessionsOf(world).filter(({ turn }) => !turn));
      if (!session) return undefined;
      const text = promptText(world.random, ledger, session);
      world.prompt(session, text);
      return `${session.id}: ${text.slice(0, 160)}`;
    },
  },
  {
    name: "cancel",
    weight: 6,
    run(world) {
      const session = world.random.pick(sessionsOf(world).filter(({ turn }) => turn !== undefined));
      if (session) world.cancel(session);
      return session?.id;
    },
  },
  {
    name: "terminal delegates",
    weight: 4,
    run(world) {
      if (world.terminals.size >= 4) return undefined;
      const [agent, task] = [leafOf(world.random), leafTask(world.random)];
      world.delegate(agent, task);
      return `${agent}: ${task.slice(0, 80)}`;
    },
  },
  {
    name: "terminal gives up",
    weight: 2,
    run(world) {
      const giveUp = world.random.pick([...world.terminals.values()]);
      giveUp?.abort();
      return giveUp && "one";
    },
  },
  {
    name: "agent is killed",
    weight: 5,
    async run(world) {
      const pid = await world.killAgent();
      return pid === undefined ? undefined : String(pid);
    },
  },
  {
    name: "configuration",
    weight: 1,
    run(world) {
      const concurrency = world.random.int(1, 5);
      world.reload(concurrency);
      return `max_concurrent_delegations = ${concurrency}`;
    },
  },
  {
    name: "disk",
    weight: 1,
    run(world) {
      if (!world.hasOwnDisk) return undefined;
      if (world.isFull) world.freeDisk();
      else world.fillDisk();
      return world.isFull ? "full" : "free";
    },
  },
  {
    name: "clock",
    weight: 1,
    run(world) {
      const hours = world.random.int(-48, 48);
      world.moveClock(hours * 3_600_000);
      return `${hours} h off`;
    },
  },
];

function sessionsOf({ editors }: World): ChaosSession[] {
  return editors.flatMap(({ sessions }) => sessions);
}

async function openSession(world: World, editorNumber: number): Promise<ChaosSession | undefined> {
  const editor = world.editors.find(({ number }) => number === editorNumber);
  if (!editor) return undefined;
  const session: ChaosSession = { id: await editor.client.newSession(world.home.kiln), editor, turn: undefined };
  editor.sessions.push(session);
  return session;
}

function promptText(random: Random, ledger: Ledger, session: ChaosSession): string {
  const mine = [...ledger.delegations.values()].filter(({ rootId }) => rootId === session.id);
  const known = random.pick(mine)?.id;
  const forms: readonly [{ weight: number; text: () => string }, ...{ weight: number; text: () => string }[]] = [
    { weight: 3, text: () => leafTask(random) },
    { weight: 6, text: () => `delegate ${JSON.stringify(call(random))}` },
    { weight: 4, text: () => `delegates ${JSON.stringify(several(random, 5))}` },
    { weight: 3, text: () => `mcp delegate_session ${JSON.stringify({ tasks: several(random, 8) })}` },
    { weight: 3, text: () => `mcp delegate_session ${JSON.stringify({ ...call(random), background: true })}` },
    { weight: 3, text: () => `delegate ${JSON.stringify(nested(random, 3))}` },
    { weight: 1, text: () => `mcp handoff_session ${JSON.stringify({ agent: "other", message: "go on" })}` },
    { weight: 1, text: () => "mcp list_delegations" },
    { weight: 2, text: () => aboutKnown(random, known) },
  ];
  return random.weighted(forms).text();
}

function aboutKnown(random: Random, id: string | undefined): string {
  if (id === undefined) return "mcp list_delegations";
  return random.pick([
    `mcp wait_delegation ${JSON.stringify({ ids: [id], wait_seconds: 1 })}`,
    `mcp read_delegation ${JSON.stringify({ id, offset: random.int(0, 5000) })}`,
    `mcp cancel_delegation ${JSON.stringify({ id })}`,
    `mcp send_to_delegation ${JSON.stringify({ id, message: `say ${answerToMessage}` })}`,
  ])!;
}

function call(random: Random): { agent: string; task: string } {
  return random.chance(0.2) ? nested(random, 2) : { agent: leafOf(random), task: leafTask(random) };
}

function several(random: Random, most: number): { agent: string; task: string }[] {
  return Array.from({ length: random.int(2, most) }, () => call(random));
}

/** A chain of delegations down to a leaf. */
function nested(random: Random, levels: number): { agent: string; task: string } {
  if (levels <= 1) return { agent: leafOf(random), task: leafTask(random) };
  return { agent: "middle", task: `delegate ${JSON.stringify(nested(random, levels - 1))}` };
}

function leafOf(random: Random): string {
  return random.chance(0.8) ? "leaf" : random.pick(leafAgents)!;
}

let said = 0;

/** What a child is told to do. One whose whole task is to say something can be checked against what was kept of it. */
function leafTask(random: Random): string {
  const text = `said-${++said}-${"x".repeat(random.pick([1, 1, 100, 3000, 100_000])!)}`;
  const tasks: readonly [{ weight: number; task: string }, ...{ weight: number; task: string }[]] = [
    { weight: 10, task: `say ${text}` },
    { weight: 3, task: "hang" },
    { weight: 2, task: `flood ${random.int(10, 400)} 500` },
    { weight: 2, task: `tool {"title":"look"}\nsay after a tool` },
    { weight: 2, task: "ask {}\nsay after a question" },
    { weight: 1, task: `exit ${random.int(0, 3)}` },
    { weight: 1, task: "die SIGKILL" },
    { weight: 1, task: "fail -32000 not today" },
    { weight: 1, task: "stop refusal" },
    { weight: 1, task: "spawn-grandchild setsid\nsay left one behind" },
    { weight: 1, task: "stray not JSON at all\nstderr and this neither\nsay babbled" },
  ];
  return random.weighted(tasks).task;
}
