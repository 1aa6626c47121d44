/** Settings of a profile at an agent that does not answer. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Peer } from "../../../src/acp/wire.ts";
import { applySettings, settingTimeoutMs } from "../../../src/agents/settings.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a setting that the agent does not answer in time is left, and said; the session opens with the others", async () => {
  const asked: string[] = [];
  const peer: Peer = {
    request: (method) => {
      asked.push(method);
      return method === "session/set_mode" ? new Promise(() => {}) : Promise.resolve({});
    },
    notify: () => {},
  };
  const ignored: string[] = [];
  const opened = {
    modes: { currentModeId: "ask", availableModes: [{ id: "plan" }] },
    models: { currentModelId: "small", availableModels: [{ modelId: "large" }] },
  };
  const settled = vi.fn();
  const applying = applySettings({
    peer,
    agentSessionId: "s",
    opened,
    settings: { mode: "plan", model: "large" },
    onIgnored: (setting, value, why) => ignored.push(`${setting} ${value}: ${why}`),
  }).finally(settled);
  await vi.advanceTimersByTimeAsync(settingTimeoutMs - 1);
  expect(asked).toEqual(["session/set_mode"]);
  await vi.advanceTimersByTimeAsync(1);
  expect(settled).toHaveBeenCalled();
  expect(await applying).toEqual({ ...opened, models: { ...opened.models, currentModelId: "large" } });
  expect(ignored).toEqual(["mode plan: the agent did not answer in time"]);
});
