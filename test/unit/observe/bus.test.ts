/** Events reach all who listen, whatever one of them does with them. */
import { expect, test } from "vitest";
import { createBus } from "../../../src/observe/bus.ts";

const ended = { sessionId: "ses_1", reason: "x" };

test("a listener that fails keeps nothing from the others, nor from whoever tells, and is told of", () => {
  const bus = createBus();
  const heard: string[] = [];
  const error = new Error("no");
  bus.on("session.ended", () => {
    throw error;
  });
  bus.on("session.ended", ({ reason }) => heard.push(reason));
  bus.on("bug", (bug) => heard.push(`${bug.where}: ${String(bug.error)}`));
  bus.emit("session.ended", ended);
  expect(heard).toEqual(["a listener of session.ended: Error: no", "x"]);
});

test("one that stops listening in the middle of an event leaves the others in peace", () => {
  const bus = createBus();
  const heard: string[] = [];
  const stop = bus.on("session.ended", () => stop());
  bus.on("session.ended", ({ reason }) => heard.push(reason));
  bus.emit("session.ended", ended);
  bus.emit("session.ended", ended);
  expect(heard).toEqual(["x", "x"]);
});
