/** Which mechanism holds an agent, and what is said when none does. The mechanisms are tried for real on this machine. */
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { SandboxRules } from "../../../src/config/config.ts";
import type { SandboxPolicy } from "../../../src/sandbox/confinement.ts";
import { loginCheckMs } from "../../../src/sandbox/logins.ts";
import { Sandbox } from "../../../src/sandbox/sandbox.ts";
import type { LaunchSpec } from "../../../src/process/child.ts";
import { runToEnd } from "../../../src/process/run.ts";

let folder: string;
let sandbox: Sandbox;

beforeAll(() => {
  // Not in /tmp, which Landlock leaves open.
  mkdirSync(join(homedir(), ".cache"), { recursive: true });
  folder = realpathSync(mkdtempSync(join(homedir(), ".cache/cru-choice-")));
  for (const name of ["state", "home", "kiln", "outside"]) mkdirSync(join(folder, name));
  sandbox = sandboxWith(process.env);
});
afterAll(() => rmSync(folder, { recursive: true }));

function sandboxWith(env: NodeJS.ProcessEnv, stateDirectory = join(folder, "state")): Sandbox {
  const hidden = [{ path: stateDirectory, isFolder: true }];
  const around = { home: join(folder, "home"), hidden: () => hidden, ownProgram: [] };
  return new Sandbox({ stateDirectory, env, around, onWarning: () => {} });
}

function policy(rules: Partial<SandboxRules> = {}, more: Partial<SandboxPolicy> = {}): SandboxPolicy {
  return {
    profile: { name: "p", family: undefined, configDirs: [], env: {} },
    rules: { mode: "auto", accept: "partial", appliesTo: "children", home: "private", ...rules },
    directories: [join(folder, "kiln")],
    readable: [],
    writable: [],
    git: { read: [], write: [] },
    opensArguments: true,
    readOnly: false,
    network: "open",
    toolSockets: undefined,
    ...more,
  };
}

const foresee = (rules: Partial<SandboxRules>, more: Partial<SandboxPolicy> = {}): ReturnType<Sandbox["foresee"]> =>
  sandbox.foresee("p", policy(rules, more));

describe("on Linux", () => {
  test("where no trial can be made, the state folder is named, and no other sandbox", async () => {
    const state = join(folder, "closed");
    mkdirSync(state);
    writeFileSync(join(state, "trials"), "in the way");
    await expect(sandboxWith(process.env, state).foresee("p", policy())).rejects.toMatchObject({
      code: "CRU_AGENT_START",
      message: expect.stringContaining("its sandbox cannot be tried (EEXIST"),
      hint: `make ${state} writable, or free space on its disk`,
    });
  });

  test("auto is bubblewrap, and that is full", async () => {
    expect(await foresee({ accept: "full" })).toEqual({ mechanism: "bwrap", strength: "full", lost: [] });
  });

  test("Landlock is partial, and names what it does not hold", async () => {
    const { mechanism, strength, lost } = await foresee({ mode: "landlock" });
    expect({ mechanism, strength }).toEqual({ mechanism: "landlock", strength: "partial" });
    expect(lost.join()).toMatch(/\/tmp.*unix sockets.*other processes/s);
    const closed = await foresee({ mode: "landlock" }, { network: "none" });
    expect(closed.lost.at(-1)).toMatch(/network/);
    const inTmp = mkdtempSync("/tmp/cru-choice-");
    const shared = (await sandboxWith(process.env, inTmp).foresee("p", policy({ mode: "landlock" }))).lost;
    rmSync(inTmp, { recursive: true });
    expect(shared.filter((one) => one.includes("which all share"))).toEqual([
      "the machine's /var/tmp, which all share",
    ]);
  });

  test("Landlock keeps files outside from being read and written", async () => {
    const inside = {
      label: "t",
      command: "/bin/sh",
      args: ["-c", "echo x > made; echo y > ../outside/made; ls ../outside"],
    };
    const spec = { ...inside, env: { PATH: "/usr/bin:/bin" }, cwd: join(folder, "kiln") };
    const confined = await sandbox.confine(spec, policy({ mode: "landlock" }));
    const run = await runToEnd(confined.spec, { timeoutMs: 10_000 });
    confined.started();
    await confined.release();
    expect(run.stderr).toMatch(/Permission denied.*Permission denied/s);
  });

  test("a home that cannot be made is told as a start that failed, with where it should be", async () => {
    const state = join(folder, "homeless-state");
    mkdirSync(state);
    writeFileSync(join(state, "homes"), "in the way");
    const spec = { label: "p", command: "/bin/true", args: [], env: {}, cwd: join(folder, "kiln") };
    await expect(sandboxWith(process.env, state).confine(spec, policy())).rejects.toMatchObject({
      code: "CRU_AGENT_START",
      message: expect.stringMatching(/its home cannot be made/) as string,
      hint: expect.stringContaining(state) as string,
    });
  });

  test("seatbelt is refused, with what was tried", async () => {
    await expect(foresee({ mode: "seatbelt" })).rejects.toMatchObject({
      code: "CRU_SANDBOX_UNAVAILABLE",
      message: expect.stringMatching(/seatbelt \(it exists on macOS only\)/) as string,
    });
  });
});

test("a home that is the user's own, and a kiln that is their home, are not full", async () => {
  expect(await foresee({ home: "real" })).toMatchObject({ strength: "partial" });
  expect(await foresee({}, { directories: [folder] })).toMatchObject({ strength: "partial" });
  await expect(foresee({ home: "real", accept: "full" })).rejects.toMatchObject({ code: "CRU_SANDBOX_UNAVAILABLE" });
});

test("external is what it is declared to be, off is the agent's good will", async () => {
  expect(await foresee({ mode: "external" })).toEqual({ mechanism: "external", strength: "full", lost: [] });
  expect(await foresee({ mode: "off" })).toMatchObject({ mechanism: "none", strength: "advisory" });
});

describe("an agent that brings a sandbox of its own", () => {
  const codex = { profile: { name: "p", family: "codex", configDirs: [], env: {} } };
  const spec = (env: Record<string, string> = {}): LaunchSpec => ({
    label: "p",
    command: "/usr/bin/printenv",
    args: ["INITIAL_AGENT_MODE"],
    env,
    cwd: join(folder, "kiln"),
  });
  const modeInside = async (one: Sandbox, rules: Partial<SandboxRules>, env = {}): Promise<string | undefined> => {
    const confined = await one.confine(spec(env), policy(rules, codex));
    const { stdout } = await runToEnd(confined.spec, { timeoutMs: 15_000 });
    confined.started();
    await confined.release();
    return stdout.trim() || undefined;
  };

  /** As on a machine where user namespaces cannot nest. */
  const withoutNesting = (): Sandbox => {
    const bin = join(folder, "outer");
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, "bwrap"), '#!/bin/sh\nexec /usr/bin/bwrap --unshare-user --disable-userns "$@"\n', {
      mode: 0o755,
    });
    return sandboxWith({ ...process.env, PATH: `${bin}:/usr/bin:/bin` });
  };

  test("does without it where it would not work inside, and only there", async () => {
    expect(await modeInside(withoutNesting(), {})).toBe("agent-full-access");
    // Root gives up what is needed to nest.
    expect(await modeInside(sandbox, {})).toBe(process.getuid?.() === 0 ? "agent-full-access" : undefined);
    expect(await modeInside(withoutNesting(), { mode: "landlock" })).toBeUndefined();
    expect(await modeInside(withoutNesting(), { mode: "off" })).toBeUndefined();
  });

  test("is left as its user has set it", async () => {
    expect(await modeInside(withoutNesting(), {}, { INITIAL_AGENT_MODE: "read-only" })).toBe("read-only");
  });
});

describe("where nothing holds", () => {
  const broken = (): Sandbox => sandboxWith({ PATH: join(folder, "bin") });

  test("what is less than accepted is refused, with what to do", async () => {
    mkdirSync(join(folder, "bin"), { recursive: true });
    writeFileSync(join(folder, "bin/bwrap"), "#!/bin/sh\necho 'bwrap: no permission' >&2; exit 1\n", { mode: 0o755 });
    const error = (await broken()
      .foresee("p", policy({ accept: "full" }))
      .catch((one: unknown) => one)) as { code: string; message: string; hint: string };
    expect(error.code).toBe("CRU_SANDBOX_UNAVAILABLE");
    expect(error.message).toMatch(/at least full.*bwrap \(bwrap: no permission\).*landlock \(it is partial/s);
    expect(error.hint).toMatch(/apt install bubblewrap.*AppArmor.*external.*accept = "advisory".*mode = "off"/s);
  });

  test("auto takes the next best that is accepted", async () => {
    expect(await broken().foresee("p", policy())).toMatchObject({ mechanism: "landlock", strength: "partial" });
  });

  test("one that fails is tried again the next time, one that holds is remembered until it is to be forgotten", async () => {
    const [useless, whole] = [join(folder, "bin"), process.env["PATH"] ?? ""];
    const env = { PATH: useless };
    const one = sandboxWith(env);
    const mechanism = async (): Promise<string> => (await one.foresee("p", policy())).mechanism;
    expect(await mechanism()).toBe("landlock");
    env.PATH = whole;
    expect(await mechanism()).toBe("bwrap");
    env.PATH = useless;
    expect(await mechanism()).toBe("bwrap");
    one.forgetTrials();
    expect(await mechanism()).toBe("landlock");
  });
});

test("a directory in whose place there is a link by now is not followed", async () => {
  symlinkSync(join(folder, "outside"), join(folder, "link"));
  mkdirSync(join(folder, "kiln/below"), { recursive: true });
  symlinkSync(join(folder, "outside"), join(folder, "kiln/link"));
  const spec = { label: "p", command: "/bin/true", args: [], env: {}, cwd: join(folder, "kiln") };
  const moved = [
    sandbox.confine(spec, policy({}, { directories: [join(folder, "link")] })),
    sandbox.confine(spec, policy({}, { git: { read: [], write: [join(folder, "link")] } })),
    sandbox.confine({ ...spec, cwd: join(folder, "kiln/link") }, policy()),
  ];
  for (const one of moved) await expect(one).rejects.toMatchObject({ code: "CRU_SANDBOX_PLACE" });
});

test("a login that is refreshed inside is brought back while its agent runs", async () => {
  const file = ".claude/.credentials.json";
  const login = (token: string): string => JSON.stringify({ claudeAiOauth: { accessToken: token } });
  const put = (path: string, text: string, seconds: number): void => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    utimesSync(path, seconds, seconds);
  };
  const [outside, inside] = [join(folder, "home", file), join(folder, "state/homes/p", file)];
  put(outside, login("old"), 1000);
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  try {
    const spec = { label: "p", command: "/bin/true", args: [], env: {}, cwd: join(folder, "kiln") };
    const profile = { name: "p", family: "claude", configDirs: [], env: {} };
    const confined = await sandbox.confine(spec, policy({}, { profile }));
    confined.started();
    expect(readFileSync(inside, "utf8")).toBe(login("old"));
    put(inside, login("new"), 2000);
    vi.advanceTimersByTime(loginCheckMs - 1);
    expect(readFileSync(outside, "utf8")).toBe(login("old"));
    vi.advanceTimersByTime(1);
    expect(readFileSync(outside, "utf8")).toBe(login("new"));
    await confined.release();
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test("the root of the file system is no kiln", async () => {
  const spec = { label: "t", command: "/bin/sh", args: [], env: {}, cwd: "/" };
  await expect(sandbox.confine(spec, policy({}, { directories: ["/"] }))).rejects.toMatchObject({
    code: "CRU_SANDBOX_PLACE",
  });
});
