/**
 * Children in a sandbox, as they are by default: what they reach, what they do not, and that nothing of them outlives them. On
 * a Linux machine on which no sandbox holds these tests fail, as delegations would.
 */
import { existsSync, linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { StoredDetail } from "../../src/control/stored.ts";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { aliveWithCommand } from "../support/processes.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { assertNoChildren, endOf, inKiln, openParent, script, type Parent } from "./delegating.ts";

/** Starts its arguments and exits. */
const launcher = join(import.meta.dirname, "../agents/wraps-and-exits.mjs");

const config = [
  '[permissions]\ndefault = "allow"\n',
  "[kiln]\n",
  'read = ["~/.gitconfig"]\nwrite = ["~/shared"]\n',
  scriptedProfile("parent", { delegation: "enabled = true\nmax_depth = 2" }),
  scriptedProfile("child", { delegation: "enabled = true" }),
  scriptedProfile("stdio", { flags: ["--mcp", "stdio"], delegation: "enabled = true\nmax_depth = 2" }),
  scriptedProfile("stubborn", { flags: ["--ignore-eof", "--ignore-sigterm"] }),
  scriptedProfile("own-home", { settings: 'config_dirs = ["~/.settings"]' }),
  scriptedProfile("signed-in", { settings: 'extends = "claude"' }),
  scriptedProfile("free", { settings: "" }),
  scriptedProfile("launched").replace(
    "args = [",
    `args = [${JSON.stringify(launcher)}, ${JSON.stringify(process.execPath)}, `,
  ),
  `[acp.agents.misled]\ncommand = "node"\nargs = ["-e", "process.exit(1)", "--", "--log=${import.meta.dirname}/no-such.log"]\n`,
  '[acp.agents.free.sandbox]\nmode = "off"\n',
  scriptedProfile("landlocked"),
  '[acp.agents.landlocked.sandbox]\nmode = "landlock"\n',
  scriptedProfile("at-home"),
  '[acp.agents.at-home.sandbox]\nhome = "real"\n',
].join("\n");

let daemon: TestDaemon;
let parent: Parent;
let home: string;

shareAmongTests({
  open: async () => {
    daemon = await startDaemon({ config });
    home = join(daemon.home.folder, "home");
    for (const folder of ["shared", ".settings", ".ssh", ".claude"]) mkdirSync(join(home, folder));
    writeFileSync(join(home, ".gitconfig"), "[user]\n\tname = The User\n");
    writeFileSync(join(home, ".ssh/id"), "the secret");
    linkSync(join(home, ".ssh/id"), inKiln(daemon, "linked"));
    parent = await openParent(daemon, "parent");
  },
  check: () => assertNoChildren(daemon),
  close: () => endOf(daemon, [parent]),
});

/** What a shell says in the child, stderr too. */
async function shell(command: string, { agent = "child", how = "shell", ...input } = {}): Promise<string> {
  const task = how === "run" ? `run ${command}` : `shell ${JSON.stringify(command)}`;
  const result = await parent.delegate({ agent, task, ...input });
  expect(result).toMatchObject({ status: "completed" });
  return result.result;
}

describe("what a child reaches", () => {
  test("its kiln, to read and to write", async () => {
    writeFileSync(inKiln(daemon, "a.txt"), "from the parent");
    expect(await shell("cat a.txt; echo from the child > b.txt")).toBe("from the parent");
    expect(readFileSync(inKiln(daemon, "b.txt"), "utf8")).toBe("from the child\n");
  });

  test("a kiln for reading only, if that is what it was given", async () => {
    writeFileSync(inKiln(daemon, "c.txt"), "as it was");
    const said = await shell("cat c.txt; echo changed > c.txt", { read_only: true } as object);
    expect(said).toMatch(/^as it was.*[Rr]ead-only/s);
    expect(readFileSync(inKiln(daemon, "c.txt"), "utf8")).toBe("as it was");
  });

  test("a home of its profile's own, which stays, and /tmp, which does not", async () => {
    expect(await shell("echo kept > ~/note; echo lost > /tmp/note; pwd; echo $HOME")).toContain("/homes/child");
    expect(await shell("cat ~/note; ls /tmp/note")).toMatch(/^kept\n.*No such file/s);
    expect(existsSync(join(home, "note"))).toBe(false);
  });

  test("what [kiln] opens, under its own name and from its home", async () => {
    expect(await shell("cat ~/.gitconfig; git config --global user.name")).toMatch(/name = The User\nThe User/);
    await shell("echo seen > ~/shared/by-child");
    expect(readFileSync(join(home, "shared/by-child"), "utf8")).toBe("seen\n");
    expect(await shell("echo x >> ~/.gitconfig")).toMatch(/[Rr]ead-only/);
  });

  test("the folders that its profile names", async () => {
    await shell("echo kept > ~/.settings/own", { agent: "own-home" });
    expect(readFileSync(join(home, ".settings/own"), "utf8")).toBe("kept\n");
    expect(await shell("ls ~/.settings")).toMatch(/No such file/);
  });

  test("its tools, over HTTP and over stdio, down to a grandchild", async () => {
    for (const agent of ["child", "stdio"]) {
      const task = `mcp delegate_session ${JSON.stringify({ agent: "own-home", task: "say from below" })}`;
      const result = await parent.delegate({ agent, task });
      expect(result.result).toContain("from below");
    }
  });
});

test("an agent that fails where its profile names what it does not reach: the log and the hint say so", async () => {
  const result = await parent.delegate({ agent: "misled", task: "x" });
  const sentence = `${import.meta.dirname}/no-such.log, which its arguments name, is not there inside`;
  expect(result).toMatchObject({ status: "failed", error: { code: "CRU_AGENT_START" } });
  expect(result.error?.hint).toContain(sentence);
  expect(result.error?.hint).toContain("write of [kiln]");
  expect(readFileSync(join(daemon.home.stateDirectory, "log/daemon.log"), "utf8")).toContain(sentence);
});

describe("what a child does not reach", () => {
  test.each([
    ["the rest of the home", () => join(home, ".ssh/id")],
    ["the state folder", () => join(daemon.home.stateDirectory, "crucible.db")],
    ["the configuration", () => daemon.home.configFile],
    ["a neighbour of the kiln", () => `${daemon.kiln}-other/secret`],
  ])("%s", async (_, path) => {
    mkdirSync(`${daemon.kiln}-other`, { recursive: true });
    writeFileSync(`${daemon.kiln}-other/secret`, "the secret");
    expect(await shell(`cat ${path()}`)).toMatch(/No such file|Permission denied/);
  });

  test("files that it names in a command it has Crucible run", async () => {
    const create = `terminal create ${JSON.stringify({ command: "cat", args: [join(home, ".ssh/id")] })}`;
    const task = script(create, "terminal wait_for_exit", "terminal output");
    const { result } = await parent.delegate({ agent: "child", task });
    expect(result).toMatch(/No such file|Permission denied/);
    expect(result).not.toContain("the secret");
  });

  test("in Landlock, with all of it in /tmp: that is not shared where Crucible keeps its own in it", async () => {
    const secrets = [join(home, ".ssh/id"), join(daemon.home.stateDirectory, "crucible.db"), daemon.home.configFile];
    const said = await shell(`cat ${secrets.join(" ")}; ls /tmp; mktemp`, { agent: "landlocked" });
    expect(said.match(/Permission denied/g)).toHaveLength(4);
    expect(said).toMatch(/homes\/landlocked\/tmp\./);
  });

  test("the homes of other profiles", async () => {
    await shell("echo mine > ~/private", { agent: "own-home" });
    expect(await shell("ls $HOME/..; cat $HOME/../own-home/private")).toMatch(/^child\n.*No such file/s);
  });

  test("what a link in its kiln points to", async () => {
    symlinkSync(join(home, ".ssh"), inKiln(daemon, "way-out"));
    expect(await shell("cat way-out/id; echo x > way-out/planted")).not.toContain("the secret");
    expect(existsSync(join(home, ".ssh/planted"))).toBe(false);
  });

  test("the daemon's socket: that of the tools opens no other door", async () => {
    expect(await shell(`ls ${daemon.home.socket}`)).toMatch(/No such file/);
    const greeting = JSON.stringify({ crucible: { protocol: 1, version: "x", door: "control" } });
    const speak = `const s=require("net").connect("/run/crucible/mcp.sock");s.write(${JSON.stringify(`${greeting}\n`)});s.write('{"jsonrpc":"2.0","id":1,"method":"status"}\\n');s.on("data",d=>{console.log(String(d));process.exit()})`;
    writeFileSync(inKiln(daemon, "speak.cjs"), speak);
    expect(await shell("node speak.cjs")).toContain("CRU_DOOR_CLOSED");
  });

  test("processes that are not its own", async () => {
    expect(Number(await shell("ls /proc | grep -c '^[0-9]'"))).toBeLessThan(12);
  });

  test("descriptors that somebody left open", async () => {
    expect(
      (await shell("ls /proc/self/fd"))
        .split(/\s+/)
        .map(Number)
        .filter((one) => one > 3),
    ).toEqual([]);
  });
});

test("a command that it has run in a terminal is in the same sandbox", async () => {
  const said = await shell(`cat ${join(home, ".ssh/id")}; ls ~/..; echo there > by-command`, { how: "run" });
  expect(said).toMatch(/No such file[^\n]*\nchild$/);
  expect(readFileSync(inKiln(daemon, "by-command"), "utf8")).toBe("there\n");
});

describe("its end", () => {
  test("takes all with it, also what has left its tree and listens to no signal", async () => {
    const nap = longNap();
    const stubborn = `setsid sh -c 'trap "" TERM HUP INT; touch left.began; ${nap}' >/dev/null 2>&1 & ${waitFor("left.began")}`;
    await shell(stubborn);
    await until(() => aliveWithCommand(nap).length === 0, { what: "what it left behind to end" });
  });

  test("is gentle: all of the tree hears SIGTERM before anything is killed", async () => {
    const tidy =
      "setsid sh -c 'trap \"touch tidied; exit\" TERM; touch gentle.began; while :; do sleep 0.1; done' >/dev/null 2>&1 &";
    const task = script(`shell ${JSON.stringify(tidy)}`, "hang-hard");
    const turn = parent.startTurn(`delegate ${JSON.stringify({ agent: "stubborn", task })}`);
    await until(() => existsSync(inKiln(daemon, "gentle.began")));
    parent.editor.notify("session/cancel", { sessionId: parent.session });
    await turn.answer();
    await until(() => existsSync(inKiln(daemon, "tidied")), { what: "the helper of the child to tidy up" });
  });

  test("is not that of a launcher which left its place to the agent, and then is the agent's", async () => {
    const result = await parent.delegate({ agent: "launched", task: script('shell "sleep 0.5"', "say still here") });
    expect(result).toMatchObject({ status: "completed", result: expect.stringContaining("still here") as string });
    const nap = longNap();
    expect(await shell(`${nap} >/dev/null 2>&1 & echo left`, { agent: "launched" })).toBe("left");
    await until(() => aliveWithCommand(nap).length === 0, { what: "the helper to end with the agent" });
  });

  test("by a signal is told as such", async () => {
    const result = await parent.delegate({ agent: "child", task: "die SIGSEGV" });
    expect(result.error?.message).toContain("SIGSEGV");
  });
});

test("a profile may go without, and the log says so of each", async () => {
  expect(await shell(`cat ${join(home, ".ssh/id")}`, { agent: "free" })).toBe("the secret");
  const started = daemon.stderr.split("\n").filter((line) => line.includes('"event":"agent.started"'));
  const held = (profile: string): string => started.find((line) => line.includes(`"profile":"${profile}"`)) ?? "";
  expect(held("child")).toContain('"sandbox":"bwrap","strength":"full"');
  expect(held("free")).toContain('"sandbox":"none","strength":"advisory"');
});

test("home = \"real\" opens the user's home, is called partial, and still hides what is the daemon's", async () => {
  const said = await shell(
    `cat ~/.ssh/id; echo; echo "$HOME"; ls ${daemon.home.stateDirectory}; cat ${daemon.home.configFile}`,
    {
      agent: "at-home",
    },
  );
  expect(said).toMatch(new RegExp(`^the secret\n${home}\n(.*No such file.*\n?)*$`));
  const started = daemon.stderr.split("\n").find((line) => /agent\.started.*at-home/.test(line));
  expect(started).toContain('"sandbox":"bwrap","strength":"partial"');
});

test("what held a child stands in the record of its delegation, and in what is exported of it", async () => {
  const sessions = async (...args: string[]): Promise<string> => (await daemon.crucible(["sessions", ...args])).stdout;
  const { delegation_id: held } = await parent.delegate({ agent: "child", task: "say x" });
  const { delegation_id: free } = await parent.delegate({ agent: "free", task: "say x" });
  const { delegation, session } = JSON.parse(await sessions("show", held, "--json")) as StoredDetail;
  expect(delegation?.sandbox).toEqual({ mechanism: "bwrap", strength: "full", lost: [] });
  expect(session?.sandbox).toEqual(delegation?.sandbox);
  const nothing = "none, advisory; not held: everything: it runs with all rights of the user";
  expect(await sessions("show", free)).toMatch(new RegExp(`^sandbox +${nothing}$`, "m"));
  expect(await sessions("export", free)).toContain(`- sandbox: ${nothing}`);
});

test("hard links that lead out of the kiln are told of once, however many agents work there", async () => {
  const told = (): string[] => daemon.stderr.split("\n").filter((line) => line.includes("kiln.hard_links"));
  await shell("true");
  await until(() => told().length > 0, { what: "a line in the log" });
  await shell("true", { agent: "stdio" });
  expect(told()).toEqual([expect.stringMatching(/"level":"warn".*such as linked;/)]);
});

/** A command that nobody else runs. */
function longNap(): string {
  return `sleep 1000.${process.pid}${performance.now().toFixed(0)}`;
}

/** For a shell. */
function waitFor(name: string): string {
  return `until [ -e ${name} ]; do sleep 0.02; done`;
}

describe("the login of a built-in agent", () => {
  const file = (): string => join(home, ".claude/.credentials.json");
  const users = (): string => readFileSync(file(), "utf8");
  const putLogin = (token: string): void => writeFileSync(file(), login(token));
  const inside = "~/.claude/.credentials.json";
  const login = (token: string): string => JSON.stringify({ claudeAiOauth: { accessToken: token } });

  test("is there inside, and comes back when it was refreshed", async () => {
    putLogin("old");
    const refresh = `cat ${inside}; sleep 0.01; echo '${login("new")}' > ${inside}`;
    expect(await shell(refresh, { agent: "signed-in" })).toBe(login("old"));
    await until(() => users().trim() === login("new"));
  });

  test("is there for two at once, and what either refreshed comes back", async () => {
    putLogin("before");
    const refresh = (token: string): string =>
      `shell ${JSON.stringify(`cat ${inside}; touch ${token}; until [ -e one ] && [ -e two ]; do sleep 0.02; done; echo '${login(token)}' > ${inside}`)}`;
    const results = await parent.delegateAll(
      ["one", "two"].map((token) => ({ agent: "signed-in", task: refresh(token) })),
    );
    expect(results.map(({ status, result }) => [status, result])).toEqual(
      ["one", "two"].map(() => ["completed", login("before")]),
    );
    await until(() => /"(one|two)"/.test(users()), { what: "a refreshed login" });
    expect(await shell(`cat ${inside}`, { agent: "signed-in" })).toBe(users().trim());
  });

  test("does not come back when it is a link", async () => {
    putLogin("kept");
    const before = users();
    writeFileSync(inKiln(daemon, "planted"), login("planted"));
    await shell(`ln -sf ${inKiln(daemon, "planted")} ${inside}`, { agent: "signed-in" });
    // The agent that comes next is given the user's own again, once the one before has ended.
    await until(async () => (await shell(`cat ${inside}`, { agent: "signed-in" })).trim() === before.trim());
    expect(users()).toBe(before);
  });
});

describe('applies_to = "all"', () => {
  test("holds the editor's own agent, in the roots that sessions may be opened in", async () => {
    const all = '[sandbox]\napplies_to = "all"\n';
    await using held = await startDaemon({ config: `${all}${scriptedProfile("mine")}` });
    writeFileSync(join(held.home.folder, "secret"), "the secret");
    await using root = await openParent(held, "mine");
    const cat = `shell ${JSON.stringify("cat ../secret; echo x > by-root; cat by-root")}`;
    expect((await root.prompt(cat)).text).toMatch(/No such file[^\n]*\nx$/);
    // Its editor would run them outside.
    expect((await root.prompt("run cat ../secret; cat by-root")).text).toMatch(/No such file[^\n]*\nx$/m);
    const elsewhere = root.editor.request("session/new", { cwd: held.home.folder, mcpServers: [] });
    await expect(elsewhere).rejects.toMatchObject({
      message: expect.stringMatching(
        /cannot be reached.*name a directory above all that you work in as roots under \[kiln\]/s,
      ) as string,
    });
    await using atRoot = held.home.editor("mine", { args: ["--no-autostart"], cwd: "/" });
    await atRoot.initialize({});
    const tooWide = atRoot.newSession("/");
    await expect(tooWide).rejects.toMatchObject({
      message: expect.stringMatching(
        /kiln is the whole file system holds nothing.*open the session in a project/s,
      ) as string,
    });
  });
});
