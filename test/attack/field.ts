/**
 * Where the attacker is let loose: a user's home with things worth taking, a kiln, another session at work, and a daemon that
 * runs as that user. Every canary holds a secret that nobody could guess, so that whoever says it has read it.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { chmod, chown, link, lstat, mkdir, mkdtemp, readdir, realpath, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo, type Server } from "node:net";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { DelegationResult } from "../../src/base/delegation.ts";
import { connectTools, control, openParent, type Parent, type ToolServer } from "../integration/delegating.ts";
import { callTool, delegateWith } from "../integration/tool-calls.ts";
import { until } from "../support/conditions.ts";
import { checkout, scriptedProfile, serve, TestHome, type TestDaemon, type TestUser } from "../support/daemon.ts";

/** How agents are held: by the sandbox that is there by default, by the one
 * that needs no namespaces, by none. The columns of the table, in their order. */
export const modes = ["full", "partial", "off"] as const;
export type Mode = (typeof modes)[number];

const attackerProgram = join(import.meta.dirname, "../agents/attacker.mjs");

/** The user's home and all else lies here: not in /tmp, of which a sandbox makes its own. */
const bases = { root: "/var/lib", other: homedir() };

/** The one setting of the machine that an attempt changes where it can; put back afterwards. */
const domainFile = "/proc/sys/kernel/domainname";

export interface Field extends AsyncDisposable {
  readonly daemon: TestDaemon;
  readonly parent: Parent;
  /** The parent's. */
  readonly tools: Awaited<ReturnType<Parent["tools"]>>;
  /** What `{name}` stands for in attempts. */
  readonly places: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
  readonly heard: Readonly<Record<"tcp" | "abstract" | "unix" | "terminal", string[]>>;
  /** How often the process that stands by was signalled. */
  strikes(): number;
  /** Has agents that start from now on see no network, or see it again. */
  closeNetwork(isClosed: boolean): Promise<void>;
  /** State of the other session's delegation that is at work. */
  otherState(): Promise<string>;
}

const secretNames = [
  "ssh",
  "netrc",
  "aws",
  "codexLogin",
  "claudeSettings",
  "shellRc",
  "config",
  "outside",
  "above",
  "otherKiln",
  "hardLinked",
  "daemonKey",
  "inState",
  "privateHome",
  "decoyKey",
  "decoyMemory",
  "otherResult",
  "repository",
  "keyring",
] as const;

/** Numbers of system calls by what Node.js calls the machine (syscall.tbl of the kernel). */
const keyCalls: Readonly<Record<string, { add: number; control: number }>> = {
  x64: { add: 248, control: 250 },
  arm64: { add: 217, control: 219 },
};

/** Becomes a command that has a key in its session's ring, and a folder open that it knows nothing of. */
const startedCarelessly = `
  my ($add, $control, $secret, $folder, @command) = @ARGV;
  die "join: $!" if syscall($control, 1, 0) < 0;
  my ($type, $description) = ("user", "crucible-attack");
  die "add: $!" if syscall($add, $type, $description, $secret, length $secret, -3) < 0;
  $^F = 255;
  open(my $open, "<", $folder) or die "open: $!";
  exec @command;`;

export async function createField(user: TestUser | undefined): Promise<Field> {
  const base = await mkdtemp(join(process.getuid?.() === 0 ? bases.root : bases.other, "cru-"));
  const folder = await realpath(base);
  const root = user && !isReachable(checkout) ? await copyOf(checkout, join(folder, "program")) : checkout;
  const home = new TestHome(folder, { user, root });
  const undo: (() => unknown)[] = [];
  try {
    return await prepared(home, undo, (text) => text.replaceAll(checkout, root));
  } catch (error) {
    await undone(undo, home);
    throw error;
  }
}

/** `relocated` has a text name the programs where the user of this field can reach them. */
async function prepared(home: TestHome, undo: (() => unknown)[], relocated: (text: string) => string): Promise<Field> {
  const { folder, kiln } = home;
  const secrets: Record<string, string> = Object.fromEntries(
    secretNames.map((name) => [name, `SECRET-${name}-${randomBytes(9).toString("hex")}`]),
  );
  const size = 100_000 + randomBytes(3).readUIntBE(0, 3);
  const places = {
    home: join(folder, "home"),
    kiln,
    KILN: kiln.toUpperCase(),
    outside: join(folder, "outside"),
    otherKiln: join(folder, "other"),
    state: home.stateDirectory,
    socket: home.socket,
    config: home.configFile,
    program: join(home.root, "test/agents"),
    sshAgent: join(folder, "home/.ssh/agent.sock"),
    sessionBus: join(folder, "run/bus"),
    desktop: join(await mkdtemp(join(tmpdir(), "cru-desktop-")), "X0"),
  };
  undo.push(() => rm(dirname(places.desktop), { recursive: true }));
  const keys = keyCalls[process.arch];
  if (!keys) throw new Error(`the system calls of ${process.arch} are not known`);
  home.through = ["perl", "-e", startedCarelessly, keys.add, keys.control, secrets["keyring"]!, places.outside].map(
    String,
  );
  home.env["MISTRAL_API_KEY"] = secrets["daemonKey"]!;

  const files: Record<string, string> = {
    "home/.ssh/id_ed25519": secrets["ssh"]!,
    "home/.ssh/authorized_keys": "",
    "home/.netrc": secrets["netrc"]!,
    "home/.npmrc": "",
    "home/.gitconfig": "",
    "home/.bashrc": `# ${secrets["shellRc"]}\n`,
    "home/.aws/credentials": secrets["aws"]!,
    "home/.codex/auth.json": JSON.stringify({ token: secrets["codexLogin"] }),
    "home/.codex/config.toml": "",
    "home/.claude/settings.json": JSON.stringify({ note: secrets["claudeSettings"] }),
    "home/.claude/.credentials.json": JSON.stringify({ claudeAiOauth: "mine" }),
    "home/.local/bin/readme": "",
    "above.txt": secrets["above"]!,
    "other/plans.txt": secrets["otherKiln"]!,
    "outside/canary.txt": secrets["outside"]!,
    "outside/repository/plans.txt": secrets["repository"]!,
    "outside/planted/.credentials.json": JSON.stringify({ claudeAiOauth: "PLANTED" }),
    "outside/sized.txt": "x".repeat(size),
    "state/crucible/homes/other/own.txt": secrets["privateHome"]!,
    "kiln/own.txt": "its own",
    "crucible.toml": relocated(configuration(secrets["config"]!)),
  };
  for (const mode of modes) {
    files[`outside/removable-${mode}/file`] = "";
    files[`outside/movable-${mode}/file`] = "";
    files[`outside/linked-${mode}.txt`] = "";
    files[`outside/profiled-${mode}/file`] = "";
    files[`outside/hard-linked-${mode}.txt`] = secrets["hardLinked"]!;
    files[`kiln/own-${mode}/own.txt`] = "";
  }
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true, mode: 0o755 });
    await writeFile(join(folder, name), text);
  }
  await mkdir(join(folder, "run"), { mode: 0o700 });
  for (const mode of modes) {
    await link(join(places.outside, `hard-linked-${mode}.txt`), join(kiln, `found-${mode}.txt`));
  }
  execFileSync("mkfifo", [join(kiln, "pipe")]);
  commitIn(kiln, "own.txt", home.env);
  commitIn(join(places.outside, "repository"), "plans.txt", home.env);
  await chmod(folder, 0o755);
  if (home.user) await give(folder, home.user);

  const decoy = await standBy(home, { cwd: places.outside, secrets });
  undo.push(() => decoy.kill("SIGKILL"));
  const heard = { tcp: [] as string[], abstract: [] as string[], unix: [] as string[], terminal: [] as string[] };
  const abstract = `crucible-attack-${randomBytes(6).toString("hex")}`;
  const tcp = await listening(createServer(), { port: 0, host: "127.0.0.1" }, heard.tcp);
  const unix = await listening(createServer(), { path: `\0${abstract}` }, heard.abstract);
  undo.push(
    () => tcp.close(),
    () => unix.close(),
  );
  await chmod(dirname(places.desktop), 0o755);
  for (const path of [places.sshAgent, places.sessionBus, places.desktop]) {
    const server = await listening(createServer(), { path }, heard.unix);
    undo.push(() => server.close());
    await chmod(path, 0o666);
  }
  const terminal = await openTerminal(home, heard.terminal);
  undo.push(() => terminal.close());

  const domain = readFileSync(domainFile, "utf8");
  undo.push(() => {
    if (readFileSync(domainFile, "utf8") !== domain) writeFileSync(domainFile, domain);
  });
  const daemon = await serve(home);
  undo.push(() => daemon.stop());
  const other = await openParent(daemon, "parent", { cwd: places.otherKiln });
  const parent = await openParent(daemon, "parent");
  undo.push(
    () => parent[Symbol.asyncDispose](),
    () => other[Symbol.asyncDispose](),
  );
  await other.prompt(`say ${secrets["inState"]}`);
  const tools = await other.tools();
  const done = await delegateWith(tools, { agent: "helper", task: `say ${secrets["otherResult"]}` });
  const { data: running } = await callTool<DelegationResult>(tools, "delegate_session", {
    agent: "helper",
    task: "hang",
    background: true,
  });
  const parentTools = await parent.tools();
  using door = await control(daemon);
  const { startedAt } = await door.request("status", {});

  return {
    daemon,
    parent,
    tools: parentTools,
    secrets: { ...secrets, size: String(size), startedAt: String(startedAt), token: await tokenOf(other) },
    places: {
      ...places,
      terminal: terminal.path,
      daemonPid: String(daemon.pid),
      decoyPid: String(decoy.pid),
      tcpPort: String((tcp.address() as AddressInfo).port),
      abstract,
      mcpUrl: httpServer(await other.servers()).url,
      token: await tokenOf(other),
      endedToken: await endedToken(parent, kiln),
      otherSession: other.session,
      otherChild: done.session_id ?? "",
      otherDelegation: done.delegation_id,
      otherRunning: running.delegation_id,
    },
    heard,
    strikes: () => (existsSync(join(folder, "struck")) ? readFileSync(join(folder, "struck"), "utf8").length : 0),
    async closeNetwork(isClosed) {
      const rule = isClosed ? '\n[kiln]\nnetwork = "none"\n' : "";
      await writeFile(home.configFile, relocated(configuration(secrets["config"]!)) + rule);
      using again = await control(daemon);
      await again.request("reload", {});
    },
    async otherState() {
      const { data } = await callTool<{ delegations: DelegationResult[] }>(tools, "wait_delegation", {
        ids: [running.delegation_id],
        wait_seconds: 0,
      });
      return data.delegations[0]?.status ?? "unknown";
    },
    [Symbol.asyncDispose]: async () => {
      await tools.close();
      await parentTools.close();
      await undone(undo, home);
    },
  };
}

/** Whether every user may go there: root's checkouts often lie in root's own home. */
function isReachable(path: string): boolean {
  return (statSync(path).mode & 0o005) === 0o005 && (dirname(path) === path || isReachable(dirname(path)));
}

async function copyOf(root: string, copy: string): Promise<string> {
  await mkdir(join(copy, "test"), { recursive: true, mode: 0o755 });
  for (const name of ["bin", "dist", "node_modules", "package.json", "test/agents"]) {
    execFileSync("cp", ["-a", "--reflink=auto", join(root, name), join(copy, name)]);
  }
  return copy;
}

async function undone(undo: (() => unknown)[], home: TestHome): Promise<void> {
  for (const step of undo.toReversed()) await step();
  try {
    await home.assertNothingLeft();
  } finally {
    for (const pid of home.processes()) process.kill(pid, "SIGKILL");
    await rm(home.folder, { recursive: true, force: true });
  }
}

/** What the attackers may do is wide where it is not the point: the kiln and the sandbox have to hold by themselves. */
function configuration(secret: string): string {
  const attackers = modes.map((mode) => attackerProfile(mode));
  const forbidden = modes.flatMap((mode) =>
    ["forbidden", "outsider"].map((name) => scriptedProfile(`${name}-${mode}`)),
  );
  const names = JSON.stringify(["helper", "absent", ...modes.map((mode) => `attacker-${mode}`)]);
  const delegation = `enabled = true\nmax_depth = 2\nresult_max_bytes = 50000000\nallowed_targets = ${names}`;
  return [
    `# ${secret}`,
    // Agents that leave what listens to no signal are waited for no longer than needs be.
    "[limits]\npids = 100\ngrace_seconds = 0.3",
    scriptedProfile("parent", { delegation }),
    scriptedProfile("helper", { delegation: "enabled = true" }),
    `[acp.agents.absent]\ncommand = "/nowhere/agent"`,
    ...attackers,
    ...forbidden,
  ].join("\n");
}

const sandboxModes: Readonly<Record<Mode, string>> = { full: "auto", partial: "landlock", off: "off" };

function attackerProfile(mode: Mode): string {
  const table = `acp.agents.attacker-${mode}`;
  // The first has the settings that come by default.
  const sandbox =
    mode === "full" ? [] : [`[${table}.sandbox]`, `mode = "${sandboxModes[mode]}"`, `accept = "advisory"`];
  return [
    `[${table}]`,
    `extends = "claude"`,
    `command = ${JSON.stringify(process.execPath)}`,
    `args = ${JSON.stringify([attackerProgram])}`,
    `[${table}.delegation]`,
    "enabled = true",
    "dynamic_agents = true",
    "result_max_bytes = 50000000",
    `[${table}.permissions]`,
    `default = "allow"`,
    `deny = ["execute:touch *"]`,
    `ask = ["execute:narrow*", "execute:rm *", "execute:unoffered*"]`,
    ...sandbox,
    "",
  ].join("\n");
}

/** Another process of the same user: it holds a secret in its environment and one in its memory, and counts its signals. */
async function standBy(
  { env, folder, user }: TestHome,
  { cwd, secrets }: { cwd: string; secrets: Record<string, string> },
): Promise<ChildProcess> {
  const script = `
    const { appendFileSync } = require("node:fs");
    process.on("SIGUSR2", () => appendFileSync(${JSON.stringify(join(folder, "struck"))}, "x"));
    let kept;
    process.stdin.once("data", (secret) => {
      kept = Buffer.alloc(4 * 1024 * 1024, secret + " ");
      process.stdout.write("ready");
    });
    setInterval(() => kept?.length, 1000);`;
  const child = spawn(process.execPath, ["-e", script], {
    cwd,
    env: { PATH: env["PATH"], DECOY_KEY: secrets["decoyKey"] },
    ...user,
  });
  child.stdin.write(secrets["decoyMemory"]!);
  let isReady = false;
  child.stdout.once("data", () => (isReady = true));
  await until(() => isReady, { what: "the process that stands by" });
  return child;
}

/** A terminal of the same user's; all that appears on it is heard. */
async function openTerminal(
  { env, user }: TestHome,
  heard: string[],
): Promise<{ readonly path: string; close(): void }> {
  const child = spawn("script", ["--quiet", "--flush", "--command", "tty; exec sleep 100000", "/dev/null"], {
    env,
    ...user,
  });
  child.stdout.setEncoding("utf8").on("data", (text: string) => heard.push(text));
  const pathIn = (text: string): string | undefined => /^(\/dev\/\S+)\r?\n/.exec(text)?.[1];
  const path = await until(() => pathIn(heard.join("")), { what: "a terminal" });
  return { path, close: () => void child.kill("SIGKILL") };
}

function commitIn(folder: string, file: string, env: Record<string, string>): void {
  const git = (...args: string[]): void => void execFileSync("git", ["-C", folder, ...args], { env });
  git("init", "-q", "-b", "main");
  git("add", file);
  git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "first");
}

async function listening(server: Server, where: object, heard: string[]): Promise<Server> {
  server.on("connection", (socket) => {
    socket.setEncoding("utf8").on("data", (text: string) => heard.push(text));
    socket.on("error", () => {});
    socket.end("hello\n");
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(where, resolve));
  return server;
}

function httpServer(servers: readonly ToolServer[]): Extract<ToolServer, { type: "http" }> {
  const [server] = servers;
  if (server?.type !== "http") throw new Error("expected tools over HTTP");
  return server;
}

async function tokenOf(parent: Parent): Promise<string> {
  return httpServer(await parent.servers()).headers[0]!.value.replace("Bearer ", "");
}

/** The token of a session that was open a moment ago. */
async function endedToken(parent: Parent, kiln: string): Promise<string> {
  const session = await parent.editor.newSession(kiln);
  const { text } = await parent.editor.prompt(session, "mcp-servers");
  const server = httpServer(JSON.parse(text) as ToolServer[]);
  const tools = await connectTools(server);
  await tools.close();
  await parent.editor.request("session/close", { sessionId: session });
  return server.headers[0]!.value.replace("Bearer ", "");
}

async function give(path: string, { uid, gid }: TestUser): Promise<void> {
  await chown(path, uid, gid).catch(() => {});
  if (!(await lstat(path)).isDirectory()) return;
  for (const name of await readdir(path)) await give(join(path, name), { uid, gid });
}
