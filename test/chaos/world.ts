/**
 * The stage of a chaos run: one home, one daemon after another in it, editors and what they have under way. Knows how to do
 * things; which of them are done is chance's business, and what must hold is checked in chaos.ts.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openDoor } from "../../src/control/door.ts";
import type { DaemonStatus, SessionNode } from "../../src/control/methods.ts";
import { connectAcpClient, type AcpClient, type Message } from "../support/acp-client.ts";
import { createTestHome, scriptedProfile, serve, type TestDaemon, type TestHome } from "../support/daemon.ts";
import { control } from "../integration/delegating.ts";
import { Chronicle } from "./causes.ts";
import { instrument, moveClock, usedMb } from "./instrumented.ts";
import type { Random } from "./random.ts";

export interface ChaosEditor {
  readonly number: number;
  readonly client: AcpClient;
  readonly sessions: ChaosSession[];
  /** Through `crucible acp`, or on the socket itself. */
  readonly isBridge: boolean;
}

export interface ChaosSession {
  readonly id: string;
  readonly editor: ChaosEditor;
  /** The prompt under way. */
  turn: Promise<Message | undefined> | undefined;
}

/** Space of the state folder where a full disk can be made, in MiB. Minutes of conversations have to fit in as well. */
const diskMib = 256;

export class World {
  readonly home: TestHome;
  readonly random: Random;
  readonly editors: ChaosEditor[] = [];
  /** Delegations of a terminal that are under way, with how to give them up. */
  readonly terminals = new Map<Promise<unknown>, AbortController>();
  readonly hasOwnDisk: boolean;
  /** What was done that ends delegations. */
  readonly chronicle = new Chronicle();
  daemon!: TestDaemon;
  #editorCount = 0;
  #diskIsFree: (() => void) | undefined;

  private constructor(home: TestHome, random: Random, hasOwnDisk: boolean) {
    this.home = home;
    this.random = random;
    this.hasOwnDisk = hasOwnDisk;
  }

  /** A home with a daemon that runs. */
  static async begin(random: Random): Promise<World> {
    const home = await createTestHome(configText(3));
    instrument(home);
    const world = new World(home, random, mountDisk(home));
    world.daemon = await serve(home);
    return world;
  }

  async status(): Promise<DaemonStatus> {
    using door = await control(this.daemon);
    return await door.request("status", {});
  }

  async openEditor(agent: string): Promise<ChaosEditor> {
    const isBridge = this.random.chance(0.4);
    const client = isBridge ? this.home.editor(agent, { args: ["--no-autostart"] }) : await onSocket(this.home, agent);
    client.onRequest("session/request_permission", (params) => this.#answer(params));
    const editor = { number: ++this.#editorCount, client, sessions: [], isBridge };
    this.editors.push(editor);
    await client.initialize();
    return editor;
  }

  /** Whatever the editor's connection comes to is no failure of the run: daemons are killed under it. */
  closeEditor(editor: ChaosEditor, { gently }: { gently: boolean }): Promise<void> {
    this.editors.splice(this.editors.indexOf(editor), 1);
    this.chronicle.did("editor goes", idsOf(editor));
    if (!gently) editor.client.kill("SIGKILL");
    return editor.client.end().catch(() => {});
  }

  prompt(session: ChaosSession, text: string): void {
    const { client } = session.editor;
    // One process serves all sessions of an editor.
    if (/^(exit|die)/.test(text)) this.chronicle.did("agent dies", idsOf(session.editor));
    if (text.startsWith("mcp cancel_delegation")) this.chronicle.did("delegation is cancelled", [session.id]);
    const params = { sessionId: session.id, prompt: [{ type: "text", text }] };
    const turn = client
      .sendRequest("session/prompt", params)
      .answer({ timeoutMs: 600_000 })
      .catch(() => undefined)
      .finally(() => {
        if (session.turn === turn) session.turn = undefined;
      });
    session.turn = turn;
  }

  cancel({ id, editor }: ChaosSession): void {
    this.chronicle.did("turn is cancelled", [id]);
    editor.client.cancel(id);
  }

  /** Kills one of the agents that run; undefined if there is none. */
  async killAgent(): Promise<number | undefined> {
    using door = await control(this.daemon);
    const { roots } = await door.request("ps", {});
    const pid = this.random.pick(roots.flatMap(pidsOf));
    if (pid === undefined) return undefined;
    const hit = roots.filter((root) => pidsOf(root).includes(pid));
    this.chronicle.did(
      "agent dies",
      hit.flatMap(({ sessionId }) => sessionId ?? []),
    );
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      // It has gone by itself in between.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
    return pid;
  }

  /** One delegation by a person at a terminal. */
  delegate(agent: string, task: string): void {
    const giveUp = new AbortController();
    const work = (async () => {
      using door = await control(this.daemon);
      return await door.request("delegate", { agent, task, cwd: this.home.kiln }, { signal: giveUp.signal });
    })();
    const settled = work.catch(() => undefined).finally(() => this.terminals.delete(settled));
    giveUp.signal.addEventListener("abort", () => this.chronicle.did("terminal gives up"));
    this.terminals.set(settled, giveUp);
  }

  /** The daemon ends, as it is asked to or by SIGKILL, and a new one takes its place. Some editors stay through it. */
  async replaceDaemon({ gently }: { gently: boolean }): Promise<void> {
    this.chronicle.did(gently ? "daemon is stopped" : "daemon is killed");
    if (gently) await this.daemon.stop({ timeoutMs: 60_000 });
    else this.daemon.kill("SIGKILL");
    await this.daemon.exited();
    for (const giveUp of this.terminals.values()) giveUp.abort();
    // Only `crucible acp` looks for another daemon.
    const gone = this.editors.filter(({ isBridge }) => !isBridge || this.random.chance(0.3));
    await Promise.all(gone.map((editor) => this.closeEditor(editor, { gently: false })));
    this.daemon = await serve(this.home);
    // What was under way is answered, and cancelled where it goes on.
    await Promise.all(this.editors.flatMap(({ sessions }) => sessions.flatMap(({ turn }) => turn ?? [])));
  }

  reload(concurrency: number): void {
    writeFileSync(this.home.configFile, configText(concurrency));
    this.daemon.kill("SIGHUP");
  }

  get isFull(): boolean {
    return this.#diskIsFree !== undefined;
  }

  fillDisk(): void {
    this.#diskIsFree = this.chronicle.began("disk is full");
    spawnSync("dd", ["if=/dev/zero", `of=${this.#ballast}`, "bs=64k"], { stdio: "ignore" });
  }

  freeDisk(): void {
    rmSync(this.#ballast, { force: true });
    this.#diskIsFree?.();
    this.#diskIsFree = undefined;
  }

  moveClock(offsetMs: number): void {
    moveClock(this.home, offsetMs);
  }

  /** What the daemon has in use once its garbage is collected, in megabytes. */
  usedMb(): Promise<number> {
    return usedMb(this.daemon);
  }

  /** Everybody gives up and goes. */
  async disperse(): Promise<void> {
    this.freeDisk();
    for (const giveUp of this.terminals.values()) giveUp.abort();
    for (const { sessions } of this.editors) for (const session of sessions) this.cancel(session);
    await Promise.all(this.editors.slice().map((editor) => this.closeEditor(editor, { gently: true })));
  }

  async end(): Promise<void> {
    await Promise.all(this.editors.slice().map((editor) => this.closeEditor(editor, { gently: false })));
    try {
      await this.daemon.stop({ timeoutMs: 60_000 });
    } finally {
      if (this.hasOwnDisk) spawnSync("umount", ["--lazy", join(this.home.folder, "state")]);
      await this.home[Symbol.asyncDispose]();
    }
  }

  get #ballast(): string {
    return join(this.home.stateDirectory, "ballast");
  }

  async #answer(params: Record<string, unknown>): Promise<unknown> {
    const { random } = this;
    if (random.chance(0.2)) await new Promise(() => {});
    const options = params["options"] as { optionId: string }[];
    return { outcome: { outcome: "selected", optionId: random.pick(options)?.optionId } };
  }
}

function idsOf({ sessions }: ChaosEditor): string[] {
  return sessions.map(({ id }) => id);
}

/** Of a session and all below it. */
function pidsOf({ pid, children }: SessionNode): number[] {
  return [...(pid === null ? [] : [pid]), ...children.flatMap(pidsOf)];
}

async function onSocket(home: TestHome, agent: string): Promise<AcpClient> {
  const socket = await openDoor(home.socket, { door: "editor", agent, cwd: home.kiln });
  return connectAcpClient({ input: socket, output: socket });
}

/** A disk of its own for the state folder, so that it can be full; only root can make one. */
function mountDisk(home: TestHome): boolean {
  const place = join(home.folder, "state");
  mkdirSync(place, { recursive: true });
  if (process.getuid?.() !== 0) return false;
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${diskMib}m,mode=700`, "none", place]);
  return status === 0;
}

export const rootAgents = ["root", "other"] as const;
export const leafAgents = ["leaf", "slow-to-go", "no-start", "no-session"] as const;

function configText(concurrency: number): string {
  const rules = `enabled = true\nmax_depth = 3\nallow_cycles = true\nresult_max_bytes = 2048\nmax_agents_per_tree = 100000\nmax_concurrent_delegations = ${concurrency}`;
  return [
    // They remember their conversations, so that these can be opened again.
    ...rootAgents.map((name) => scriptedProfile(name, { delegation: rules, flags: ["--memory", `memory-of-${name}`] })),
    scriptedProfile("middle", { delegation: rules }),
    scriptedProfile("leaf"),
    scriptedProfile("slow-to-go", { flags: ["--ignore-sigterm", "--ignore-eof"] }),
    scriptedProfile("no-start", { flags: ["--exit-at", "initialize"] }),
    scriptedProfile("no-session", { flags: ["--exit-at", "session"] }),
    "[limits]\ngrace_seconds = 0.3",
    "[server]\nmax_agents = 24",
  ].join("\n");
}
