/**
 * A real daemon for one test, in folders of its own: config, state, socket, and a kiln to work in. At its end it proves that
 * nothing was left behind: no process that carries the folder in its environment, and no socket.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnAcpClient, type AcpClient } from "./acp-client.ts";
import { patienceMs, until } from "./conditions.ts";
import { aliveWithEnvironment, isAlive } from "./processes.ts";

/** The checkout that is tested. */
export const checkout = join(import.meta.dirname, "../..");
const scriptedAgent = join(checkout, "test/agents/scripted.mjs");

export interface ProfileOptions {
  /** Flags of the scripted agent (test/agents/scripted/options.mjs). */
  flags?: readonly string[];
  /** Further lines of `[acp.agents.NAME]`. */
  settings?: string;
  /** Lines of `[acp.agents.NAME.delegation]`. */
  delegation?: string;
  env?: Readonly<Record<string, string>>;
}

/** A part of crucible.toml: a profile that runs the scripted agent under the profile's name. */
export function scriptedProfile(
  name: string,
  { flags = [], settings = "", delegation, env }: ProfileOptions = {},
): string {
  // Strings of JSON are strings of TOML.
  const args = JSON.stringify([scriptedAgent, "--name", name, ...flags]);
  const table = `acp.agents.${name}`;
  const lines = [`[${table}]`, `command = ${JSON.stringify(process.execPath)}`, `args = ${args}`, settings];
  if (env)
    lines.push(`[${table}.env]`, ...Object.entries(env).map(([key, value]) => `${key} = ${JSON.stringify(value)}`));
  if (delegation !== undefined) lines.push(`[${table}.delegation]`, delegation);
  return `${lines.join("\n")}\n`;
}

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Whose processes those of a test are; only root can choose. */
export interface TestUser {
  readonly uid: number;
  readonly gid: number;
}

/** Folders and environment of a user who has nothing but this test; programs can be run in it without a daemon. */
export class TestHome implements AsyncDisposable {
  /** Absolute, without symlinks, and short: socket paths end at 108 bytes. */
  readonly folder: string;
  readonly kiln: string;
  readonly configFile: string;
  readonly socket: string;
  readonly stateDirectory: string;
  readonly env: Record<string, string>;
  /** Undefined for whoever runs the tests. */
  readonly user: TestUser | undefined;
  /** The checkout that is run, and the path of `crucible` in it. */
  readonly root: string;
  readonly program: string;
  /** A program and its arguments that the daemon is started with: it becomes what is named behind them. */
  through: readonly string[] = [];

  constructor(folder: string, { user, root = checkout }: { user?: TestUser | undefined; root?: string } = {}) {
    this.folder = folder;
    this.user = user;
    this.root = root;
    this.program = join(root, "bin/crucible.js");
    this.kiln = join(folder, "kiln");
    this.configFile = join(folder, "crucible.toml");
    this.socket = join(folder, "run", "daemon.sock");
    this.stateDirectory = join(folder, "state", "crucible");
    this.env = {
      PATH: process.env["PATH"] ?? "",
      HOME: join(folder, "home"),
      XDG_CONFIG_HOME: join(folder, "home", ".config"),
      XDG_STATE_HOME: join(folder, "state"),
      XDG_DATA_HOME: join(folder, "home", ".local", "share"),
      XDG_CACHE_HOME: join(folder, "home", ".cache"),
      XDG_RUNTIME_DIR: join(folder, "run"),
      NO_COLOR: "1",
    };
  }

  /** `--config FILE --socket PATH`, which every command takes. */
  get place(): string[] {
    return ["--config", this.configFile, "--socket", this.socket];
  }

  /** Runs a command of crucible to its end. */
  async crucible(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    const { input = "", cwd = this.kiln, env = {}, timeoutMs = patienceMs } = options;
    const child = spawn(process.execPath, [this.program, ...args], {
      cwd,
      env: { ...this.env, ...env },
      ...this.user,
    });
    const output = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
    // A program may end without reading what it is given.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    let closed = false;
    child.once("close", () => (closed = true));
    try {
      await until(() => closed, { what: `the end of crucible ${args.join(" ")}`, timeoutMs });
    } catch (error) {
      child.kill("SIGKILL");
      throw new Error(`${String(error)}\nstdout:\n${output.stdout}\nstderr:\n${output.stderr}`, { cause: error });
    }
    return { code: child.exitCode, signal: child.signalCode, ...output };
  }

  /** An editor on `crucible acp`. Without `agent`, none is named on the command line. */
  editor(agent?: string, options: { args?: readonly string[]; cwd?: string } = {}): AcpClient {
    const { args = [], cwd = this.kiln } = options;
    const choice = agent === undefined ? [] : ["--agent", agent];
    return spawnAcpClient({
      command: process.execPath,
      args: [this.program, "acp", ...choice, ...this.place, ...args],
      cwd,
      env: this.env,
      user: this.user,
    });
  }

  /** Pids of all living processes that were started from here. */
  processes(): number[] {
    return aliveWithEnvironment(this.folder);
  }

  /** Fails, naming them, if processes are still alive after `timeoutMs`, or if the socket is there. */
  async assertNothingLeft({ timeoutMs = patienceMs }: { timeoutMs?: number } = {}): Promise<void> {
    try {
      await until(() => this.processes().length === 0, { timeoutMs });
    } catch {
      const left = this.processes().map((pid) => `  ${pid} ${commandOf(pid)}`);
      if (left.length > 0) throw new Error(`these processes were left behind:\n${left.join("\n")}`);
    }
    if (existsSync(this.socket)) throw new Error(`the socket was left behind: ${this.socket}`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Proves that nothing is left, and takes the folder away; what was left is ended by force. */
  async close(options: { timeoutMs?: number } = {}): Promise<void> {
    try {
      await this.assertNothingLeft(options);
    } finally {
      for (const pid of this.processes()) process.kill(pid, "SIGKILL");
      await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
    }
  }
}

export interface RunOptions {
  input?: string;
  cwd?: string;
  /** On top of the home's environment. */
  env?: Readonly<Record<string, string>>;
  timeoutMs?: number;
}

/** A fresh home with this crucible.toml, and no daemon. */
export async function createTestHome(config: string): Promise<TestHome> {
  const home = new TestHome(await realpath(await mkdtemp(join(tmpdir(), "cru-"))));
  for (const name of ["kiln", "home", "state", "run"]) await mkdir(join(home.folder, name), { mode: 0o700 });
  await writeFile(home.configFile, config);
  return home;
}

export interface DaemonOptions {
  config: string;
  /** Further arguments of `crucible serve`. */
  args?: readonly string[];
}

/** Starts `crucible serve` in a fresh home and waits until it listens. */
export async function startDaemon({ config, args = [] }: DaemonOptions): Promise<TestDaemon> {
  const home = await createTestHome(config);
  try {
    return await serve(home, args);
  } catch (error) {
    await home[Symbol.asyncDispose]();
    throw error;
  }
}

/** Starts `crucible serve` in a home that is there already, as after a crash. */
export async function serve(home: TestHome, args: readonly string[] = []): Promise<TestDaemon> {
  const daemon = new TestDaemon(home, args);
  await daemon.ready();
  return daemon;
}

/** Running from its start until `stop`, or until the end of the test (`await using`). */
export class TestDaemon implements AsyncDisposable {
  readonly home: TestHome;
  readonly pid: number;
  /** All it has written to stderr. */
  stderr = "";
  stdout = "";
  readonly #child;

  constructor(home: TestHome, args: readonly string[]) {
    this.home = home;
    const [command, ...rest] = [...home.through, process.execPath, home.program, "serve", ...home.place, ...args];
    this.#child = spawn(command!, rest, {
      cwd: home.folder,
      env: home.env,
      stdio: ["ignore", "pipe", "pipe"],
      ...home.user,
    });
    if (this.#child.pid === undefined) throw new Error(`cannot start ${process.execPath}`);
    this.pid = this.#child.pid;
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
  }

  /** Where sessions of the test work. */
  get kiln(): string {
    return this.home.kiln;
  }

  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  editor(...options: Parameters<TestHome["editor"]>): AcpClient {
    return this.home.editor(...options);
  }

  crucible(...options: Parameters<TestHome["crucible"]>): Promise<Finished> {
    return this.home.crucible(...options);
  }

  /** Waits for the line that says it listens. */
  async ready(): Promise<void> {
    try {
      await until(
        () => {
          if (this.#hasEnded()) throw new Error(`crucible serve ended with ${this.#child.exitCode}`);
          return this.stderr.includes("listening on unix:");
        },
        { what: "crucible serve to listen" },
      );
    } catch (error) {
      this.kill("SIGKILL");
      throw new Error(`${String(error)}\nits stderr:\n${this.stderr}`, { cause: error });
    }
  }

  /** Asks it to end with SIGTERM, and waits until it has. */
  async stop({ timeoutMs = patienceMs }: { timeoutMs?: number } = {}): Promise<void> {
    if (this.#hasEnded()) return;
    this.kill("SIGTERM");
    await this.exited({ timeoutMs });
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async exited({ timeoutMs = patienceMs }: { timeoutMs?: number } = {}): Promise<void> {
    const ended = this.#hasEnded() ? undefined : once(this.#child, "exit");
    try {
      await until(() => this.#hasEnded(), { what: "the daemon to end", timeoutMs });
    } catch (error) {
      this.kill("SIGKILL");
      throw new Error(`${String(error)}\nits stderr:\n${this.stderr.slice(-8000)}`, { cause: error });
    }
    await ended;
  }

  assertNothingLeft(options: { timeoutMs?: number } = {}): Promise<void> {
    return this.home.assertNothingLeft(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.stop();
    } finally {
      await this.home[Symbol.asyncDispose]();
    }
  }

  #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null || !isAlive(this.pid);
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "(it has ended by now)";
  }
}
