/**
 * The stage of a chaos run: one home, one daemon after another in it, editors and what they have under way. Knows how to do
 * things; which of them are done is chance's business, and what must hold is checked in chaos.ts.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { openDoor } from "../../src/control/door.ts";
import type { DaemonStatus } from "../../src/control/methods.ts";
import { connectAcpClient, type AcpClient, type Message } from "../support/acp-client.ts";
import { until } from "../support/conditions.ts";
import { createTestHome, scriptedProfile, serve, type TestDaemon, type TestHome } from "../support/daemon.ts";
import { control } from "../integration/delegating.ts";
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

/** Space of the state folder where a full disk can be made, in MiB. */
const diskMib = 48;

export class World {
  readonly home: TestHome;
  readonly random: Random;
  readonly editors: ChaosEditor[] = [];
  /** Delegations of a terminal that are under way, with how to give them up. */
  readonly terminals = new Map<Promise<unknown>, AbortController>();
  readonly hasOwnDisk: boolean;
  isFull = false;
  daemon!: TestDaemon;
  #editorCount = 0;

  private constructor(home: TestHome, random: Random, hasOwnDisk: boolean) {
    this.home = home;
    this.random = random;
    this.hasOwnDisk = hasOwnDisk;
  }

  /** A home with a daemon that runs. */
  static async begin(random: Random): Promise<World> {
    const home = await createTestHome(configText(3));
    home.env["CHAOS_CLOCK"] = join(home.folder, "clock");
    home.env["CHAOS_MEMORY"] = join(home.folder, "memory");
    home.env["NODE_OPTIONS"] = `--import=${pathToFileURL(join(import.meta.dirname, "under-test.mjs")).href}`;
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
    if (!gently) editor.client.kill("SIGKILL");
    return editor.client.end().catch(() => {});
  }

  prompt(session: ChaosSession, text: string): void {
    const { client } = session.editor;
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

  /** One delegation by a person at a terminal. */
  delegate(agent: string, task: string): void {
    const giveUp = new AbortController();
    const work = (async () => {
      using door = await control(this.daemon);
      return await door.request("delegate", { agent, task, cwd: this.home.kiln }, { signal: giveUp.signal });
    })();
    const settled = work.catch(() => undefined).finally(() => this.terminals.delete(settled));
    this.terminals.set(settled, giveUp);
  }

  /** The daemon ends, as it is asked to or by SIGKILL, and a new one takes its place. Some editors stay through it. */
  async replaceDaemon({ gently }: { gently: boolean }): Promise<void> {
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

  fillDisk(): void {
    this.isFull = true;
    spawnSync("dd", ["if=/dev/zero", `of=${this.#ballast}`, "bs=64k"], { stdio: "ignore" });
  }

  freeDisk(): void {
    rmSync(this.#ballast, { force: true });
    this.isFull = false;
  }

  moveClock(offsetMs: number): void {
    writeFileSync(join(this.home.folder, "clock"), String(offsetMs));
  }

  /** What the daemon has in use once its garbage is collected, in megabytes. */
  async usedMb(): Promise<number> {
    const file = join(this.home.folder, "memory");
    rmSync(file, { force: true });
    this.daemon.kill("SIGUSR2");
    await until(() => existsSync(file), { what: "the daemon's memory to be measured" });
    return (JSON.parse(readFileSync(file, "utf8")) as { bytes: number }).bytes / 1024 / 1024;
  }

  /** Everybody gives up and goes. */
  async disperse(): Promise<void> {
    this.freeDisk();
    for (const giveUp of this.terminals.values()) giveUp.abort();
    for (const { client, sessions } of this.editors) for (const { id } of sessions) client.cancel(id);
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
