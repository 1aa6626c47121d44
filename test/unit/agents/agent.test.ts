/** What a program may say before and besides what it is asked, and what becomes of more. The process is played here. */
import { PassThrough } from "node:stream";
import { beforeEach, describe, expect, test } from "vitest";
import { maxGarbageAtStart, maxReportedStrays, startAgent, type Agent } from "../../../src/agents/agent.ts";
import { maxEarlyMessages } from "../../../src/agents/session-listeners.ts";
import { deferred } from "../../../src/base/deferred.ts";
import { createBus } from "../../../src/observe/bus.ts";
import type { ProcessExit, RunningProcess } from "../../../src/process/child.ts";
import { until } from "../../support/conditions.ts";
import { profile } from "../sessions/profiles.ts";

const confinement = { mechanism: "none", strength: "advisory" } as never;
const nobody = { request: () => Promise.reject(new Error("nobody is asked")), notification: () => {} };

let program: RunningProcess & { stdout: PassThrough; stdin: PassThrough };
let strays: string[];
let unclaimed: unknown[];

beforeEach(() => {
  program = playedProcess();
  strays = [];
  unclaimed = [];
});

function playedProcess(): typeof program {
  const exited = deferred<ProcessExit>();
  const end = (): Promise<ProcessExit> => {
    exited.resolve({ code: 0, signal: null });
    return exited.promise;
  };
  return {
    id: "played",
    pid: 1,
    startedAt: 0,
    stdin: new PassThrough(),
    stdout: new PassThrough(),
    exited: exited.promise,
    stderrTail: () => "",
    residentBytes: () => Promise.resolve(0),
    usage: () => Promise.resolve({ residentBytes: 0, processes: 1 }),
    end,
    kill: end,
    [Symbol.asyncDispose]: async () => void (await end()),
  };
}

function start(): Promise<Agent> {
  const bus = createBus();
  bus.on("agent.stray", ({ line }) => strays.push(line));
  return startAgent({
    profile: { ...profile("chatty"), command: "chatty", startupTimeoutSeconds: 60 },
    launch: () =>
      Promise.resolve({ running: program, confinement, unreached: [], isOffline: false, toolSockets: undefined }),
    initialize: {},
    owner: { ...nobody, notification: (_method, params) => void unclaimed.push(params) },
    bus,
  });
}

function say(...messages: object[]): void {
  program.stdout.write(messages.map((message) => `${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`).join(""));
}

async function started(): Promise<Agent> {
  const agent = start();
  say({ id: 0, result: { protocolVersion: 1 } });
  return agent;
}

test.each([null, [], "x".repeat(1000)])(
  "an answer to initialize that is no object is told with what came: %j",
  async (result) => {
    const starting = start();
    say({ id: 0, result });
    await expect(starting).rejects.toMatchObject({
      code: "CRU_AGENT_START",
      message: expect.stringMatching(/got (null|\[\]|"x{90,100}…)$/) as string,
    });
  },
);

describe("what is not JSON-RPC", () => {
  test("is borne up to a limit before initialize is answered; a program that writes more does not speak ACP", async () => {
    const failing = start();
    program.stdout.write(`${"x".repeat(maxGarbageAtStart)}\n`);
    await until(() => strays.length === 1, { what: "the first line" });
    program.stdout.write("y\n");
    await expect(failing).rejects.toMatchObject({
      code: "CRU_AGENT_START",
      message: expect.stringContaining(`it wrote ${maxGarbageAtStart + 1} characters of something else`) as string,
      hint: expect.stringContaining("chatty") as string,
    });
    expect(await program.exited).toBeDefined();
  });

  test("is reported line by line, and beyond a number passed over", async () => {
    const agent = await started();
    for (let line = 0; line < maxReportedStrays + 5; line++) program.stdout.write(`line ${line}\n`);
    say({ method: "x/after", params: "after" });
    await until(() => unclaimed.includes("after"), { what: "the message behind them" });
    expect(strays).toEqual(Array.from({ length: maxReportedStrays }, (_, line) => `line ${line}`));
    await agent.end();
  });
});

test("of what an agent says of a session before it has named it the first is kept; more passes for the agent's own", async () => {
  const agent = await started();
  const heard: unknown[] = [];
  const opening = agent.openSession(
    { method: "session/new", params: {} },
    { ...nobody, notification: (_method, params) => void heard.push(params) },
  );
  const update = (number: number): object => ({ method: "session/update", params: { sessionId: "s", number } });
  say(...Array.from({ length: maxEarlyMessages + 2 }, (_, number) => update(number)));
  say({ id: 1, result: { sessionId: "s" } });
  await opening;
  expect(heard).toHaveLength(maxEarlyMessages);
  expect(heard[0]).toMatchObject({ number: 0 });
  expect(unclaimed).toMatchObject([{ number: maxEarlyMessages }, { number: maxEarlyMessages + 1 }]);
  await agent.end();
});
