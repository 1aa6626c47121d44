import { chmod, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findAgent, launchSpec, type LaunchRequest } from "../../../src/agents/launch-spec.ts";
import { createLoginPath, maxShellOutputBytes } from "../../../src/agents/login-path.ts";
import type { CrucibleError } from "../../../src/base/errors.ts";
import { loadConfig } from "../../../src/config/load.ts";
import type { AgentProfile } from "../../../src/config/config.ts";
import { aliveWithEnvironment } from "../../support/processes.ts";

let home: string;

beforeEach(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), "crucible-find-")));
});

afterEach(() => rm(home, { recursive: true }));

/** Puts an executable at a path below the home folder. */
async function install(file: string, text = "#!/bin/sh\n", mode = 0o755): Promise<string> {
  const path = join(home, file);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  await chmod(path, mode);
  return path;
}

/** A login shell whose start files do what `script` says before it runs what it is asked to. */
async function shell(script: string): Promise<string> {
  return install("shell", `#!/bin/bash\necho asked >> ${home}/asked\n${script}\nexec /bin/sh -c "$2"\n`);
}

const profile: AgentProfile = {
  ...loadConfig({ env: { HOME: "/nowhere" }, cwd: "/", handStarted: false }).agents.get("gemini")!,
  name: "my-gemini",
  command: "gemini-for-test",
};

interface Asked {
  profile?: Partial<AgentProfile>;
  env?: Record<string, string>;
  npx?: boolean;
  loginTimeoutMs?: number;
}

function request({ profile: changes = {}, env = {}, npx = false, loginTimeoutMs }: Asked = {}): LaunchRequest {
  const daemon = { HOME: home, PATH: "/usr/bin:/bin", SHELL: "/bin/false", ...env };
  return {
    profile: { ...profile, ...changes },
    config: { acp: { npx, defaultAgent: undefined } },
    cwd: home,
    env: daemon,
    loginPath: createLoginPath(daemon, loginTimeoutMs === undefined ? {} : { timeoutMs: loginTimeoutMs }),
  };
}

async function failure(asked: Asked): Promise<CrucibleError> {
  return findAgent(request(asked)).then(
    (found) => expect.fail(`found ${found.path}`),
    (error: CrucibleError) => error,
  );
}

describe("a program given by name", () => {
  test("is taken from PATH, without asking the login shell", async () => {
    const path = await install("bin-of-path/gemini-for-test");
    const asked = request({ env: { PATH: `/usr/bin:${home}/bin-of-path`, SHELL: await shell("") } });
    expect(await findAgent(asked)).toEqual({
      path,
      origin: "PATH",
      leadingArgs: [],
      searchPath: `/usr/bin:${home}/bin-of-path`,
    });
    await expect(readFile(join(home, "asked"))).rejects.toThrow("ENOENT");
  });

  test("is looked for on the PATH of the profile, if it has one", async () => {
    const path = await install("own/gemini-for-test");
    const found = await findAgent(request({ profile: { env: { PATH: `${home}/own` } } }));
    expect(found).toMatchObject({ path, origin: "PATH", searchPath: `${home}/own` });
  });

  test("is found on the login shell's PATH, whatever else its start files print, and gets that PATH", async () => {
    const path = await install("login/gemini-for-test");
    const noise = `echo "Welcome! <PATH>"; printf '\\033[2J\\377'; echo oops >&2; export PATH="${home}/login:relative:/usr/bin"`;
    const found = await findAgent(request({ env: { SHELL: await shell(noise) } }));
    expect(found).toMatchObject({ path, origin: "login PATH", searchPath: `${home}/login:/usr/bin:/bin` });
  });

  test("is found through a real login shell with a real start file", async () => {
    const path = await install("from-profile/gemini-for-test");
    await writeFile(join(home, ".bash_profile"), `PATH="$HOME/from-profile:$PATH"\necho hello\n`);
    const found = await findAgent(request({ env: { SHELL: "/bin/bash" } }));
    expect(found).toMatchObject({ path, origin: "login PATH" });
  });

  test("asks the login shell once, however often and wherever it is looked for", async () => {
    const asked = request({ env: { SHELL: await shell("") } });
    await Promise.allSettled([findAgent(asked), findAgent(asked)]);
    await findAgent(asked).catch(() => {});
    expect(await readFile(join(home, "asked"), "utf8")).toBe("asked\n");
  });

  test("is found in a usual place, also when the login shell hangs, of which nothing is left", async () => {
    const path = await install(".local/bin/gemini-for-test");
    const env = { SHELL: await shell("setsid sleep 1000 & sleep 1000"), TEST_TREE: home };
    const found = await findAgent(request({ env, loginTimeoutMs: 300 }));
    expect(found).toMatchObject({ path, origin: "usual place", searchPath: `${home}/.local/bin:/usr/bin:/bin` });
    expect(aliveWithEnvironment(`TEST_TREE=${home}`)).toEqual([]);
  });

  test("is found where npm is told to install programs", async () => {
    const path = await install("npm-packages/bin/gemini-for-test");
    await writeFile(join(home, ".npmrc"), "audit=false\nprefix = ${HOME}/npm-packages\n");
    expect(await findAgent(request())).toMatchObject({ path, origin: "usual place" });
  });

  test("is never taken from a relative entry of PATH, which would be the opened project's", async () => {
    await install("gemini-for-test");
    expect((await failure({ env: { PATH: ":.:/usr/bin" } })).code).toBe("CRU_AGENT_NOT_FOUND");
  });

  test("passes over what is no program: folders, files without the right to execute, dangling links", async () => {
    await mkdir(join(home, "a/gemini-for-test"), { recursive: true });
    await install("b/gemini-for-test", "", 0o644);
    await mkdir(join(home, "c"));
    await symlink("/nowhere", join(home, "c/gemini-for-test"));
    const path = await install("d/gemini-for-test");
    const PATH = ["a", "b", "c", "d"].map((folder) => join(home, folder)).join(":");
    expect(await findAgent(request({ env: { PATH } }))).toMatchObject({ path });
  });
});

describe("a program given by path", () => {
  test("is taken from there, relative to where it is started", async () => {
    const path = await install("tools/agent");
    expect(await findAgent(request({ profile: { command: path } }))).toMatchObject({ path, origin: "path" });
    expect(await findAgent(request({ profile: { command: "./tools/agent" } }))).toMatchObject({ path });
  });

  test("that is not there, or is no program, is told", async () => {
    const missing = await failure({
      profile: { command: "/nowhere/agent", install: undefined, npmPackage: undefined },
    });
    expect(missing.message).toBe("the agent my-gemini was not found: /nowhere/agent does not exist");
    expect(missing.hint).toBe("set `command` under [acp.agents.my-gemini] to its full path");
    expect((await failure({ profile: { command: home } })).message).toContain(`${home} is not a file`);
    const path = await install("agent", "", 0o644);
    expect((await failure({ profile: { command: path } })).hint).toContain(`chmod +x ${path}`);
  });

  test("finds its interpreter although PATH does not have it", async () => {
    const path = await install("nvm/bin/agent", "#!/usr/bin/env -S interpreter-for-test --flag\n");
    await install("nvm/bin/interpreter-for-test");
    const found = await findAgent(request({ profile: { command: path } }));
    expect(found.searchPath).toBe(`/usr/bin:/bin:${home}/nvm/bin`);

    await rm(join(home, "nvm/bin/interpreter-for-test"));
    await install("elsewhere/interpreter-for-test");
    const SHELL = await shell(`export PATH=${home}/elsewhere`);
    const through = await findAgent(request({ profile: { command: path }, env: { SHELL } }));
    expect(through.searchPath).toBe(`/usr/bin:/bin:${home}/elsewhere`);
  });
});

describe("a program that is nowhere", () => {
  test("is told with where it was looked for and how to install it", async () => {
    const error = await failure({ env: { SHELL: await shell(`export PATH=${home}/x:${home}/y`) } });
    expect(error).toMatchObject({ code: "CRU_AGENT_NOT_FOUND", exitCode: 5 });
    expect(error.message).toMatch(
      /^the agent my-gemini was not found: there is no program "gemini-for-test" on PATH \(2 folders\), on that of the login shell .*\/shell \(2 folders\) or in \d+ usual places$/,
    );
    expect(error.hint).toBe(
      "install it: npm install -g @google/gemini-cli, or set `npx = true` under [acp] to run it through npx, or set `command` under [acp.agents.my-gemini] to its full path",
    );
    expect(error.details["looked"]).toContain(`${home}/y`);
  });

  test("says why the login shell was of no help", async () => {
    expect((await failure({})).message).toMatch(/usual places; there is no login shell$/);
    expect((await failure({ env: { SHELL: "/nowhere/zsh" } })).message).toContain("/nowhere/zsh does not exist");
    const mute = await install("mute", "#!/bin/sh\necho hello\n");
    expect((await failure({ env: { SHELL: mute } })).message).toContain(`${mute} did not tell its PATH`);
    const hanging = await failure({ env: { SHELL: await shell("sleep 1000") }, loginTimeoutMs: 200 });
    expect(hanging.message).toContain("did not tell its PATH within 200 ms");
    const talking = await shell(`head -c ${maxShellOutputBytes + 1} /dev/zero | tr '\\0' x; sleep 1000`);
    expect((await failure({ env: { SHELL: talking }, loginTimeoutMs: 60_000 })).message).toContain("and 1.0 MiB");
  });

  test("is run through npx if the configuration says so, with nothing taken from the opened project", async () => {
    const npx = await install("bin/npx");
    const asked = request({ npx: true, env: { PATH: `${home}/bin` } });
    expect(await launchSpec(asked)).toMatchObject({
      command: npx,
      args: ["-y", "--prefix", home, "@google/gemini-cli", "--acp"],
    });
    expect(await findAgent(asked)).toMatchObject({ origin: "npx" });
  });

  test("is not found if there is no package for it", async () => {
    await install("bin/npx");
    const error = await failure({ npx: true, env: { PATH: `${home}/bin` }, profile: { npmPackage: undefined } });
    expect(error.hint).not.toContain("npx");
  });
});

describe("what is started", () => {
  test("has the profile's arguments, its values over what it inherits, and PWD is where it starts", async () => {
    await install("bin/gemini-for-test");
    const stays = { EDITOR: "vi", OPENAI_API_KEY: "k", PWD: "/elsewhere", OLDPWD: "/before" };
    const env = { PATH: `${home}/bin`, LANG: "C", GEMINI_API_KEY: "a", ...stays };
    const spec = await launchSpec(request({ env, profile: { env: { GEMINI_API_KEY: "b", MODEL: "c" } } }));
    expect(spec).toEqual({
      label: "my-gemini",
      command: join(home, "bin/gemini-for-test"),
      args: ["--acp"],
      cwd: home,
      env: {
        HOME: home,
        SHELL: "/bin/false",
        PATH: `${home}/bin`,
        LANG: "C",
        GEMINI_API_KEY: "b",
        MODEL: "c",
        PWD: home,
      },
    });
  });

  test("does not learn of the session that the daemon was started in, but keeps the user's settings", async () => {
    await install("bin/gemini-for-test");
    const markers = {
      CRUCIBLE_PROCESS: "agt_1",
      CLAUDECODE: "1",
      CLAUDE_CODE_ENTRYPOINT: "cli",
      CLAUDE_CODE_SESSION_ID: "x",
      CLAUDE_CODE_CHILD_SESSION: "1",
      CODEX_THREAD_ID: "x",
      GEMINI_CLI: "1",
      OPENCODE: "1",
      CURSOR_AGENT: "1",
      ELECTRON_RUN_AS_NODE: "1",
    };
    const settings = {
      claude: { CLAUDE_CODE_USE_BEDROCK: "1", CLAUDE_CODE_OAUTH_TOKEN: "t" },
      codex: { CODEX_HOME: "/c" },
      gemini: { GEMINI_CLI_HOME: "/g" },
      opencode: { OPENCODE_CONFIG: "/o" },
    };
    for (const [family, own] of Object.entries(settings)) {
      const daemon = { PATH: `${home}/bin`, ...markers, ...own };
      const { env } = await launchSpec(request({ env: daemon, profile: { family } }));
      for (const name of Object.keys(markers)) expect(env).not.toHaveProperty(name);
      expect(env).toMatchObject(own);
    }
    const wanted = await launchSpec(request({ env: { PATH: `${home}/bin` }, profile: { env: { CLAUDECODE: "1" } } }));
    expect(wanted.env).toMatchObject({ CLAUDECODE: "1" });
  });
});
