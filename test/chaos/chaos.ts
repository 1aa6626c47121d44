/**
 * A chaos run: deeds by chance against a real daemon with scripted agents, and what must hold throughout and whenever all is
 * quiet. The same seed chooses the same deeds. It throws at the first thing that does not hold, with the seed and the steps.
 */
import { setTimeout as pause } from "node:timers/promises";
import Database from "libsql";
import { join } from "node:path";
import { until } from "../support/conditions.ts";
import { answerToMessage, deeds } from "./deeds.ts";
import { growth, measure, quietOf, type Sample } from "./gauge.ts";
import { Ledger } from "./ledger.ts";
import { randomFrom } from "./random.ts";
import { World } from "./world.ts";

export interface ChaosOptions {
  seed: number;
  durationMs: number;
  /** Time between two moments of quiet. */
  quietEveryMs: number;
  /** Time between two ends of the daemon; the last third of the run has none, so that memory can be compared. */
  crashEveryMs: number;
  /** Hears at each quiet moment how far the run is. */
  onQuiet?: (line: string) => void;
}

export interface ChaosReport {
  seed: number;
  seconds: number;
  steps: Record<string, number>;
  crashes: number;
  restarts: number;
  delegations: Record<string, number>;
  agentsStarted: number;
  agentsKilled: number;
  sessions: number;
  resultsRead: number;
  /** Sessions of editors that outlived their daemon, and went on. */
  reopened: number;
  /** Longest time to an answer of `status`, in milliseconds. */
  slowestStatusMs: number;
  /** Longest time from the moment all give up until nothing is left, in milliseconds. */
  slowestQuietMs: number;
  residentMb: { first: number; last: number; highest: number };
  /** In use after collecting garbage. */
  usedMb: { first: number; last: number };
  descriptors: { first: number; last: number; highest: number };
  diskFilled: boolean;
}

/** What is promised is seconds; a machine that is busy with other things gets more. */
const patienceMs = 30_000;
const statusPatienceMs = 10_000;
const sampleMs = 500;

export class ChaosFound extends Error {
  override readonly name = "ChaosFound";
}

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const random = randomFrom(options.seed);
  const world = await World.begin(random);
  const run = new Run(options, world);
  try {
    await run.all();
  } catch (error) {
    // What was found first is what matters.
    await world.end().catch(() => {});
    throw new ChaosFound(run.story(error), { cause: error });
  }
  try {
    await world.end();
  } catch (error) {
    throw new ChaosFound(run.story(error), { cause: error });
  }
  return run.report();
}

class Run {
  readonly #options: ChaosOptions;
  readonly #world: World;
  readonly #ledger = new Ledger();
  readonly #startedAt = performance.now();
  readonly #steps: string[] = [];
  readonly #counts = new Map<string, number>();
  readonly #samples: Sample[] = [];
  #crashes = 0;
  #restarts = 0;
  /** Ids of completed delegations whose results were found whole. */
  readonly #results = new Set<string>();
  #reopened = 0;
  #slowestStatusMs = 0;
  #slowestQuietMs = 0;
  #diskFilled = false;

  constructor(options: ChaosOptions, world: World) {
    this.#options = options;
    this.#world = world;
  }

  async all(): Promise<void> {
    const { durationMs, quietEveryMs, crashEveryMs } = this.#options;
    let nextQuiet = quietEveryMs;
    let nextCrash = crashEveryMs;
    let nextSample = 0;
    while (this.#elapsedMs < durationMs) {
      await this.#deed();
      await pause(this.#world.random.int(0, 120));
      if (this.#elapsedMs > nextSample) {
        await this.#sample({ quiet: false });
        nextSample = this.#elapsedMs + sampleMs;
      }
      if (this.#elapsedMs > nextQuiet) {
        await this.#quiet();
        nextQuiet = this.#elapsedMs + quietEveryMs;
      }
      if (this.#elapsedMs > nextCrash && this.#elapsedMs < (durationMs * 2) / 3) {
        await this.#endDaemon();
        nextCrash = this.#elapsedMs + crashEveryMs;
      }
    }
    await this.#quiet();
    const grown = growth(this.#samples);
    if (grown.length > 0) throw new Error(grown.join("\n"));
  }

  report(): ChaosReport {
    const quiet = quietOf(this.#samples);
    const last = quiet.at(-1)!;
    const first = quiet.find(({ life }) => life === last.life)!;
    const highest = (of: "residentMb" | "descriptors"): number => Math.max(...this.#samples.map((one) => one[of]));
    const { counts, delegations } = this.#ledger;
    const statuses = [...delegations.values()].map(({ status }) => status ?? "lost");
    return {
      seed: this.#options.seed,
      seconds: Math.round(this.#elapsedMs / 1000),
      steps: Object.fromEntries(this.#counts),
      crashes: this.#crashes,
      restarts: this.#restarts,
      delegations: Object.fromEntries(
        [...new Set(statuses)].toSorted().map((status) => [status, statuses.filter((one) => one === status).length]),
      ),
      agentsStarted: counts.agentsStarted,
      agentsKilled: counts.agentsKilled,
      sessions: counts.sessions,
      resultsRead: this.#results.size,
      reopened: this.#reopened,
      slowestStatusMs: Math.round(this.#slowestStatusMs),
      slowestQuietMs: Math.round(this.#slowestQuietMs),
      residentMb: {
        first: first.residentMb,
        last: last.residentMb,
        highest: highest("residentMb"),
      },
      usedMb: { first: first.usedMb, last: last.usedMb },
      descriptors: { first: first.descriptors, last: last.descriptors, highest: highest("descriptors") },
      diskFilled: this.#diskFilled,
    };
  }

  /** What was found, how to see it again, and what led there. */
  story(error: unknown): string {
    const log = this.#world.daemon.stderr
      .split("\n")
      .slice(-30)
      .map((line) => line.slice(0, 400))
      .join("\n");
    return [
      error instanceof Error ? error.message : String(error),
      `seed ${this.#options.seed}, after ${(this.#elapsedMs / 1000).toFixed(1)} s; again: npm run test:chaos -- --seed ${this.#options.seed}`,
      "the last steps:",
      ...this.#steps.slice(-60),
      "the last of the daemon's log:",
      log,
    ].join("\n");
  }

  get #elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }

  async #deed(): Promise<void> {
    const deed = this.#world.random.weighted(deeds);
    let done: string | undefined;
    try {
      done = await deed.run(this.#world, this.#ledger);
    } catch (error) {
      // With a full disk, or an agent killed as it starts, what was begun may be refused; the daemon must bear it, no more.
      done = `refused: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`;
    }
    if (done === undefined) return;
    this.#step(deed.name, done);
    this.#diskFilled ||= this.#world.isFull;
    this.#look();
  }

  #step(name: string, what: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    this.#steps.push(`${(this.#elapsedMs / 1000).toFixed(1).padStart(7)} s  ${name}: ${what}`);
  }

  /** What the daemon says of itself must hold at any time. */
  #look(): void {
    const { daemon } = this.#world;
    if (daemon.exitCode !== null) throw new Error(`the daemon has ended with ${daemon.exitCode}`);
    this.#ledger.read(daemon.stderr);
    if (this.#ledger.violations.length > 0) throw new Error(this.#ledger.violations.join("\n"));
  }

  async #sample({ quiet }: { quiet: boolean }): Promise<void> {
    const askedAt = performance.now();
    await this.#world.status();
    const tookMs = performance.now() - askedAt;
    this.#slowestStatusMs = Math.max(this.#slowestStatusMs, tookMs);
    if (tookMs > statusPatienceMs) throw new Error(`status took ${tookMs.toFixed(0)} ms`);
    const measured = measure(this.#world.daemon.pid);
    const usedMb = quiet ? await this.#world.usedMb() : undefined;
    if (measured) this.#samples.push({ at: this.#elapsedMs, life: this.#ledger.life, usedMb, ...measured });
  }

  /** All give up; then nothing may be left of what they had begun. */
  async #quiet(): Promise<void> {
    const world = this.#world;
    this.#step("quiet", "all give up");
    const askedAt = performance.now();
    await world.disperse();
    let counted = "";
    const nothingLeft = async (): Promise<boolean> => {
      this.#look();
      const { editors, sessions, agents, delegations, store } = await world.status();
      const others = world.home.processes().filter((pid) => pid !== world.daemon.pid);
      counted = JSON.stringify({ editors, sessions, agents, delegations, store, others });
      if (store.degradedSince !== null) return false;
      const { running, queued } = delegations;
      return editors + sessions + agents + running + queued + others.length === 0 && this.#ledger.open.length === 0;
    };
    await until(nothingLeft, { timeoutMs: patienceMs }).catch((error: unknown) => {
      if (this.#ledger.violations.length > 0) throw error;
      const open = this.#ledger.open.map(({ id }) => id);
      throw new Error(`${patienceMs} ms after all gave up there still is ${counted}, open are [${open.join(", ")}]`);
    });
    this.#slowestQuietMs = Math.max(this.#slowestQuietMs, performance.now() - askedAt);
    this.#checkStore();
    this.#checkCauses();
    await this.#sample({ quiet: true });
    const { delegations } = this.#ledger;
    const { residentMb, usedMb, descriptors } = this.#samples.at(-1)!;
    const memory = `${usedMb?.toFixed(1)} MB in use, ${residentMb.toFixed(0)} MB resident`;
    const figures = `${delegations.size} delegations, ${memory}, ${descriptors} descriptors`;
    this.#options.onQuiet?.(`${(this.#elapsedMs / 1000).toFixed(0).padStart(5)} s: all quiet; ${figures}`);
  }

  async #endDaemon(): Promise<void> {
    const gently = this.#world.random.chance(0.3);
    this.#world.freeDisk();
    // What was said while the disk was full is in memory alone for some seconds more.
    const isKept = async (): Promise<boolean> => (await this.#world.status()).store.degradedSince === null;
    await until(isKept, { what: "the store to be written again", timeoutMs: patienceMs });
    this.#step("daemon", gently ? "stopped and started again" : "killed and started again");
    const { daemon } = this.#world;
    await this.#world.replaceDaemon({ gently });
    this.#ledger.read(daemon.stderr);
    this.#ledger.nextLife();
    if (gently) this.#restarts++;
    else this.#crashes++;
    await this.#sample({ quiet: false });
    await this.#askThoseWhoStayed();
  }

  /** An editor that outlived its daemon goes on in its sessions, without being started again. */
  async #askThoseWhoStayed(): Promise<void> {
    const sessions = this.#world.editors.flatMap((editor) => editor.sessions);
    await Promise.all(
      sessions.map(async ({ id, editor: { client, number } }) => {
        const prompt = [{ type: "text", text: "say still here" }];
        const { error } = await client
          .sendRequest("session/prompt", { sessionId: id, prompt })
          .answer({ timeoutMs: patienceMs });
        if (error)
          throw new Error(`editor ${number} outlived its daemon, and its session ${id} did not: ${error.message}`);
        this.#reopened++;
      }),
    );
  }

  /** Nothing has ended before its time unless something was done to it. */
  #checkCauses(): void {
    const unexplained = this.#ledger.broken.filter((told) => !this.#world.chronicle.explains(told));
    if (unexplained.length === 0) return;
    const lines = unexplained.map(
      ({ id, agent, title, life, status = "lost", words }) =>
        `${id} (${agent}, life ${life}: ${title}) ${status}: ${words}`,
    );
    throw new Error(`nothing was done that explains why these ended so:\n${lines.join("\n")}`);
  }

  /** What is kept agrees with what was told: one final state each, and every completed result whole. */
  #checkStore(): void {
    const sql =
      "SELECT id, status, CAST(task AS TEXT) AS task, CAST(result AS TEXT) AS result, ended_at FROM delegations";
    const database = new Database(join(this.#world.home.stateDirectory, "crucible.db"), { readonly: true });
    try {
      const rows = database.prepare(sql).all() as Kept[];
      const kept = new Map(rows.map((row) => [row.id, row]));
      for (const { id, status, life } of this.#ledger.delegations.values()) {
        const row = kept.get(id);
        if (!row)
          throw new Error(`delegation ${id}, told as ${status ?? "begun"} in life ${life}, is not in the store`);
        if (status !== undefined && row.status !== status) {
          throw new Error(`delegation ${id} was told to have ended as ${status}, and the store says ${row.status}`);
        }
        if (row.status === "lost" && status === undefined && life === this.#ledger.life) {
          throw new Error(`delegation ${id} is lost, and its daemon is not`);
        }
      }
      for (const row of rows) this.#checkKept(row);
    } finally {
      database.close();
    }
  }

  #checkKept({ id, status, task, result, ended_at }: Kept): void {
    if (status === "queued" || status === "running" || ended_at === null) {
      throw new Error(`the store says that delegation ${id} is ${status}, and nothing is under way`);
    }
    const said = /^say (said-\S+)$/.exec(task)?.[1];
    if (said === undefined || status !== "completed") return;
    // One that was sent a message has answered that last.
    if (result !== said && result !== answerToMessage)
      throw new Error(`of the result of ${id}, ${said.length} characters, ${result.length} are kept`);
    this.#results.add(id);
  }
}

interface Kept {
  id: string;
  status: string;
  task: string;
  result: string;
  ended_at: number | null;
}
