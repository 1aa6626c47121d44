/** `crucible delegate`: one delegation from a terminal, from the result on stdout to the exit code. */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { DelegationResult } from "../../src/base/delegation.ts";
import { until } from "../support/conditions.ts";
import type { DaemonStatus } from "../../src/control/methods.ts";
import type { StoredDetail } from "../../src/control/stored.ts";
import { crucibleUser, ended } from "../support/command-line.ts";
import { scriptedProfile } from "../support/daemon.ts";

const config = [
  scriptedProfile("worker"),
  scriptedProfile("boss", { delegation: 'enabled = true\nallowed_targets = ["worker"]' }),
  scriptedProfile("hasty", { delegation: "enabled = true\ntimeout_seconds = 0.3" }),
  '[acp.agents.absent]\ncommand = "no-such-program-anywhere"\n',
].join("");

async function userWithAgents() {
  const user = await crucibleUser();
  user.write("home/.config/crucible/crucible.toml", config);
  return user;
}

describe("a delegation that succeeds", () => {
  test("prints the result on stdout and nothing else anywhere, exit code 0", async () => {
    const user = await userWithAgents();
    await user.run(["delegate", "worker", "say first"]);
    expect(await user.run(["delegate", "worker", "say done"])).toEqual({
      code: 0,
      signal: null,
      stdout: "done\n",
      stderr: "",
    });
  });

  test("works in --cwd, with the task from stdin", async () => {
    const user = await userWithAgents();
    const { stdout } = await user.run(["delegate", "worker", "-", "--cwd", ".."], { input: "cwd\n" });
    expect(stdout).toContain(user.folder);
    expect(stdout).not.toContain(user.project);
  });

  test("gives the agent the context too", async () => {
    const user = await userWithAgents();
    const { stdout } = await user.run(["delegate", "worker", "heard", "--context", "the kiln is hot"]);
    expect(stdout).toContain("the kiln is hot");
  });

  test("is an object with --json", async () => {
    const user = await userWithAgents();
    const { stdout } = await user.run(["delegate", "worker", "say done", "--json"]);
    expect(JSON.parse(stdout) as DelegationResult).toMatchObject({
      status: "completed",
      agent: "worker",
      result: "done",
    });
  });

  test("is bound by the rules of the profile named with --from", async () => {
    const user = await userWithAgents();
    expect((await user.run(["delegate", "worker", "say done", "--from", "boss"])).code).toBe(0);
    const { code, stderr } = await user.run(["delegate", "boss", "say done", "--from", "boss"]);
    expect(code).toBe(6);
    expect(stderr).toContain("[CRU_DELEGATION_");
  });
});

describe("a delegation that does not", () => {
  test("because the agent fails says why with exit code 5, and keeps what was said", async () => {
    const user = await userWithAgents();
    const { code, stdout, stderr } = await user.run(["delegate", "worker", "say half of it\nexit 3"]);
    expect({ code, stdout }).toEqual({ code: 5, stdout: "half of it\n" });
    expect(stderr).toMatch(/error: .* \[CRU_AGENT_EXITED\]/);
  });

  test("because the agent is not there names what to do, exit code 5", async () => {
    const user = await userWithAgents();
    const { code, stderr } = await user.run(["delegate", "absent", "anything"]);
    expect(code).toBe(5);
    expect(stderr).toContain("[CRU_AGENT_NOT_FOUND]");
    expect(stderr).toContain("hint: ");
  });

  test("because a rule forbids it ends with 6", async () => {
    const user = await userWithAgents();
    const { code, stderr } = await user.run(["delegate", "worker", "say done", "--from", "worker"]);
    expect(code).toBe(6);
    expect(stderr).toContain("[CRU_DELEGATION_DISABLED]");
  });

  test("within its time ends with 7", async () => {
    const user = await userWithAgents();
    const { code, stderr } = await user.run(["delegate", "worker", "hang", "--from", "hasty"]);
    expect(code).toBe(7);
    expect(stderr).toContain("[CRU_DELEGATION_TIMEOUT]");
  });

  test("because its daemon is killed ends with 3, and names the id under which all that is known is kept", async () => {
    const user = await userWithAgents();
    const delegating = user.start(["delegate", "worker", "touch began\nwait-for never"]);
    const outcome = ended(delegating);
    await until(() => existsSync(join(user.project, "began")), { what: "the child to begin" });
    const { pid } = JSON.parse((await user.run(["status", "--json"])).stdout) as DaemonStatus;
    process.kill(pid, "SIGKILL");
    const { code, stdout, stderr } = await outcome;
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(stderr).toContain("[CRU_DAEMON_UNREACHABLE]");
    const [, id = ""] = /`crucible sessions show (del_\w+)`/.exec(stderr) ?? [];
    // The same is told without a daemon and by the next one.
    for (const start of [[], ["delegate", "worker", "say again"]]) {
      if (start.length > 0) await user.run(start);
      const { delegation } = JSON.parse((await user.run(["sessions", "show", id, "--json"])).stdout) as StoredDetail;
      expect(delegation).toMatchObject({
        id,
        status: "lost",
        error: { code: "CRU_DELEGATION_LOST", hint: expect.stringContaining("files") },
      });
    }
    expect((await user.run(["sessions", "show", id])).stdout).toContain("CRU_DELEGATION_LOST");
  });

  test("because there is no task is a mistake of usage", async () => {
    const user = await userWithAgents();
    expect((await user.run(["delegate", "worker", "-"], { input: " \n" })).code).toBe(2);
  });

  test("with --json is an object too, and the exit code says the same", async () => {
    const user = await userWithAgents();
    const { code, stdout } = await user.run(["delegate", "worker", "exit 3", "--json"]);
    expect(code).toBe(5);
    expect(JSON.parse(stdout) as DelegationResult).toMatchObject({
      status: "failed",
      error: { code: "CRU_AGENT_EXITED" },
    });
  });
});

describe("Ctrl-C", () => {
  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s cancels, waits for the outcome, and ends with %d", async (signal, code) => {
    const user = await userWithAgents();
    const child = user.start(["delegate", "worker", "say half of it\ntouch started\nhang"]);
    let heard = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (heard += text));
    await until(() => existsSync(join(user.project, "started")), { what: "the agent to start" });
    child.kill(signal);
    expect(await once(child, "close")).toEqual([code, null]);
    expect(heard).toBe("half of it\n");
  });

  test("twice leaves at once", async () => {
    const user = await userWithAgents();
    const child = user.start(["delegate", "worker", "touch started\nhang-hard"]);
    let heard = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (heard += text));
    await until(() => existsSync(join(user.project, "started")), { what: "the agent to start" });
    child.kill("SIGINT");
    await until(() => heard.includes("once more to leave at once"), { what: "the first answer" });
    child.kill("SIGINT");
    expect(await once(child, "close")).toEqual([130, null]);
  });
});
