/** What changes for sessions while the daemon runs: a reload of the rules, and a daemon that has no place left. */
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import type { DelegationResult } from "../../src/base/delegation.ts";
import { control, delegateLine, inKiln, openParent, script, type Parent } from "./delegating.ts";
import { callTool } from "./tool-calls.ts";

const parentProfile = scriptedProfile("parent", { delegation: "enabled = true" });
const worker = scriptedProfile("worker");
const config = [parentProfile, worker].join("\n");

/** The line with which the log tells what came of it. */
async function reloaded(daemon: TestDaemon, toml: string, words: string): Promise<string> {
  const told = (): string[] => daemon.stderr.split("\n").slice(0, -1);
  const before = told().length;
  await writeFile(daemon.home.configFile, toml);
  daemon.kill("SIGHUP");
  return until(
    () =>
      told()
        .slice(before)
        .find((line) => line.includes(words)),
    { what: `the log to say ${words}` },
  );
}

describe("a reload (SIGHUP)", () => {
  const with2 = (delegation: string): string => [scriptedProfile("parent", { delegation }), worker].join("\n");

  test("changes what new sessions may do; a running child ends its work under the old rules", async () => {
    await using daemon = await startDaemon({ config });
    await using before = await openParent(daemon, "parent");
    const turn = before.startTurn(
      delegateLine({ agent: "worker", task: script("touch sh.began", "wait-for sh.go", "say finished") }),
    );
    await until(() => existsSync(inKiln(daemon, "sh.began")), { what: "the child to begin" });
    await reloaded(daemon, with2("enabled = false"), '"event":"config.reloaded"');
    await using after = await openParent(daemon, "parent");
    expect(await after.servers()).toEqual([]);
    await after.prompt("touch sh.go");
    await turn.answer();
    expect(before.editor.text(before.session)).toContain('"result":"finished"');
  });

  test("a target that was added can be asked in the next call of a session that is open", async () => {
    await using daemon = await startDaemon({ config });
    await using parent = await openParent(daemon, "parent");
    expect(await parent.delegate({ agent: "newcomer", task: "x" })).toMatchObject({
      error: { code: "CRU_DELEGATION_TARGET_UNKNOWN" },
    });
    await reloaded(daemon, `${config}\n${scriptedProfile("newcomer")}`, '"event":"config.reloaded"');
    expect(await parent.delegate({ agent: "newcomer", task: "say new" })).toMatchObject({ result: "new" });
  });

  test("rules that were tightened hold for the next call of a session that is open", async () => {
    await using daemon = await startDaemon({ config });
    await using parent = await openParent(daemon, "parent");
    expect(await parent.delegate({ agent: "worker", task: "say x" })).toMatchObject({ status: "completed" });
    await reloaded(daemon, with2("enabled = false"), '"event":"config.reloaded"');
    expect(await parent.delegate({ agent: "worker", task: "say x" })).toMatchObject({
      status: "refused",
      error: { code: "CRU_DELEGATION_DISABLED" },
    });
  });

  test("a bad file leaves the old rules in force, and the log says where it is wrong", async () => {
    await using daemon = await startDaemon({ config });
    await using parent = await openParent(daemon, "parent");
    for (const bad of ["[acp.agents.parent\n", `${config}\nsurprise = 1\n`, with2("enabled = false\nmax_depht = 2")]) {
      expect(await reloaded(daemon, bad, '"event":"config.rejected"')).toMatch(/crucible\.toml:\d+:\d+/);
      expect(await parent.delegate({ agent: "worker", task: "say same" })).toMatchObject({ result: "same" });
    }
    await reloaded(daemon, config, '"event":"config.reloaded"');
  });
});

describe("max_agents", () => {
  const limited = [parentProfile, worker, "[server]\nmax_agents = 2"].join("\n");
  const busy = (name: string): string =>
    delegateLine({ agent: "worker", task: script(`touch ${name}.began`, `wait-for ${name}.go`, "say done") });

  async function fill(daemon: TestDaemon, parent: Parent): Promise<ReturnType<Parent["startTurn"]>> {
    const turn = parent.startTurn(busy("full"));
    await until(() => existsSync(inKiln(daemon, "full.began")), { what: "the last place to be taken" });
    return turn;
  }

  test("a child too many is not started: the result says why, and those that run go on", async () => {
    await using daemon = await startDaemon({ config: limited });
    await using parent = await openParent(daemon, "parent");
    const turn = await fill(daemon, parent);
    using door = await control(daemon);
    const result = await door.request("delegate", { agent: "worker", task: "touch extra", cwd: daemon.kiln });
    expect(result).toMatchObject({ session_id: null, error: { code: "CRU_AGENT_LIMIT" } });
    expect(result.error?.message).toContain("2");
    expect(result.error?.hint).toContain("max_agents");
    expect(existsSync(inKiln(daemon, "extra"))).toBe(false);

    await writeFile(inKiln(daemon, "full.go"), "");
    await turn.answer();
    expect(parent.editor.text(parent.session)).toContain('"result":"done"');
    const again = await door.request("delegate", { agent: "worker", task: "say free again", cwd: daemon.kiln });
    expect(again).toMatchObject({ status: "completed", result: "free again" });
  });

  test("children that begin at the same moment share the places there are", async () => {
    await using daemon = await startDaemon({ config: limited });
    await using parent = await openParent(daemon, "parent");
    const tools = await parent.tools();
    using door = await control(daemon);
    const task = script("wait-for all.go", "say done");
    const call = callTool<{ results: DelegationResult[] }>(tools, "delegate_session", {
      tasks: Array.from({ length: 3 }, () => ({ agent: "worker", task })),
    });
    await until(async () => (await door.request("status", {})).ended.refused === 2, { what: "two to be turned away" });
    await writeFile(inKiln(daemon, "all.go"), "");
    const outcomes = (await call).data.results.map(({ status, error }) => error?.code ?? status);
    expect(outcomes.toSorted()).toEqual(["CRU_AGENT_LIMIT", "CRU_AGENT_LIMIT", "completed"]);
    await tools.close();
  });

  test("an editor too many gets an error that a person can act on", async () => {
    await using daemon = await startDaemon({ config: limited });
    await using parent = await openParent(daemon, "parent");
    const turn = await fill(daemon, parent);
    const editor = daemon.editor("parent");
    await expect(editor.initialize().then(() => editor.newSession(daemon.kiln))).rejects.toThrow(/max_agents/);
    await writeFile(inKiln(daemon, "full.go"), "");
    await turn.answer();
    await editor.end();
  });
});
