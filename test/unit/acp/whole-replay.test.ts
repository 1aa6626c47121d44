/** A replay that an agent tells after its answer to `session/load`, and agents that answer nothing they do not know. */
import { expect, test } from "vitest";
import { requestWhole } from "../../../src/acp/whole-replay.ts";
import { RpcError, type Peer } from "../../../src/acp/wire.ts";
import { monotonicMs } from "../../../src/base/clock.ts";

function peer(answerTo: (method: string) => Promise<unknown>): Peer & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    request: (method) => {
      asked.push(method);
      return answerTo(method);
    },
    notify: () => {},
  };
}

const load = { method: "session/load", params: {}, options: undefined };

test("an agent that refuses the request behind the replay has told all of it", async () => {
  const agent = peer((method) =>
    method === "session/load" ? Promise.resolve("loaded") : Promise.reject(RpcError.methodNotFound(method)),
  );
  expect(await requestWhole(agent, load)).toBe("loaded");
  expect(agent.asked).toEqual(["session/load", "_crucible/replay_end"]);
});

test("one that never answers it is waited for a second", async () => {
  const agent = peer((method) => (method === "session/load" ? Promise.resolve("loaded") : new Promise(() => {})));
  const begun = monotonicMs();
  expect(await requestWhole(agent, load)).toBe("loaded");
  expect(monotonicMs() - begun).toBeGreaterThan(900);
});

test("nothing is asked behind a load that failed, or behind another request", async () => {
  const failing = peer(() => Promise.reject(new Error("gone")));
  await expect(requestWhole(failing, load)).rejects.toThrow("gone");
  expect(failing.asked).toEqual(["session/load"]);
  const agent = peer(() => Promise.resolve({}));
  await requestWhole(agent, { ...load, method: "session/prompt" });
  expect(agent.asked).toEqual(["session/prompt"]);
});

test("an error of an agent is told with the details that stand beside its message", () => {
  const error = { code: -32603, message: "Internal error", data: { details: "no such\nfile" } };
  expect(new RpcError(error).message).toBe("Internal error: no such file");
  expect(new RpcError(error).object).toBe(error);
  expect(new RpcError({ ...error, data: { details: "Internal error" } }).message).toBe("Internal error");
  expect(new RpcError({ ...error, data: "raw" }).message).toBe("Internal error");
});
