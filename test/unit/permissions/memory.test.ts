/** What is remembered of tool calls and of answers: exactly what was said, and not without end. */
import { describe, expect, test } from "vitest";
import { maxNamedThings } from "../../../src/permissions/deed.ts";
import { maxRememberedAnswers, Remembered } from "../../../src/permissions/remembered.ts";
import { maxSeenCalls, SeenCalls } from "../../../src/permissions/seen-calls.ts";
import { command, deed, path, verdict } from "./asking.ts";

describe("an answer", () => {
  test("holds for just what was asked", () => {
    const remembered = new Remembered();
    remembered.always(command("npm test"), true);
    remembered.always(path("edit", "a"), true);
    expect(remembered.answerTo(command("npm test"))).toBe(true);
    expect(remembered.answerTo(command("npm test -w x"))).toBeUndefined();
    expect(remembered.answerTo(command("npm test && rm x"))).toBeUndefined();
    expect(remembered.answerTo(path("edit", "./b/../a"))).toBe(true);
    expect(remembered.answerTo(path("delete", "a"))).toBeUndefined();
    expect(remembered.answerTo(path("edit", "a/b"))).toBeUndefined();
  });

  test("to several paths holds for each of them when it allows, and for all together when it refuses", () => {
    const both = deed({ kind: "edit", locations: [{ path: "a" }, { path: "b" }] });
    const allowed = new Remembered();
    allowed.always(both, true);
    expect(allowed.answerTo(path("edit", "a"))).toBe(true);
    const refused = new Remembered();
    refused.always(both, false);
    expect(refused.answerTo(path("edit", "a"))).toBeUndefined();
    expect(refused.answerTo(both)).toBe(false);
    expect(refused.answerTo(deed({ kind: "edit", locations: [{ path: "a" }, { path: "b" }, { path: "c" }] }))).toBe(
      false,
    );
  });

  test("that was given later counts, and one about nothing that is named is not kept", () => {
    const remembered = new Remembered();
    remembered.always(command("x"), false);
    remembered.always(command("x"), true);
    expect(remembered.answerTo(command("x"))).toBe(true);
    remembered.always(deed({ kind: "edit", title: "Edit a file" }), true);
    expect(remembered.answers).toHaveLength(1);
    expect(remembered.answerTo(deed({ kind: "edit", title: "Edit a file" }))).toBeUndefined();
  });

  test("for this turn is forgotten with it", () => {
    const remembered = new Remembered();
    remembered.once(path("edit", "a"));
    expect(remembered.wasAllowedThisTurn(path("edit", "a"))).toBe(true);
    expect(remembered.answerTo(path("edit", "a"))).toBeUndefined();
    remembered.turnBegins();
    expect(remembered.wasAllowedThisTurn(path("edit", "a"))).toBe(false);
  });

  test("the oldest goes when there are too many", () => {
    const remembered = new Remembered();
    for (let number = 0; number <= maxRememberedAnswers; number++) remembered.always(command(`run ${number}`), true);
    expect(remembered.answers).toHaveLength(maxRememberedAnswers);
    expect(remembered.answerTo(command("run 0"))).toBeUndefined();
    expect(remembered.answerTo(command(`run ${maxRememberedAnswers}`))).toBe(true);
  });
});

describe("a tool call", () => {
  const told = (seen: SeenCalls, id: string, fields: Record<string, unknown>): void =>
    seen.note({ update: { sessionUpdate: "tool_call_update", toolCallId: id, ...fields } });
  const known = (seen: SeenCalls, id: string) => seen.of({ toolCall: { toolCallId: id } });

  test("is put together from all that was told of it, without what goes into files, until it is over", () => {
    const seen = new SeenCalls();
    told(seen, "1", { title: "Edit", kind: "edit", rawInput: {} });
    told(seen, "1", { rawInput: { file_path: "a", content: "x".repeat(200_000) } });
    told(seen, "1", { rawInput: {}, content: [{ type: "diff", path: "a", newText: "x".repeat(200_000) }] });
    expect(known(seen, "1")).toMatchObject({ title: "Edit", kind: "edit", rawInput: { file_path: "a" } });
    expect(JSON.stringify(known(seen, "1")).length).toBeLessThan(100_000);
    told(seen, "1", { status: "completed" });
    expect(known(seen, "1")).toEqual({});
  });

  test("the oldest is forgotten when there are too many", () => {
    const seen = new SeenCalls();
    for (let number = 0; number <= maxSeenCalls; number++) told(seen, String(number), { title: "t" });
    expect(known(seen, "0")).toEqual({});
    expect(known(seen, String(maxSeenCalls))).toEqual({ title: "t" });
  });
});

test("a request that names more paths than are looked at is not allowed by rule", () => {
  const locations = Array.from({ length: maxNamedThings + 10 }, (_, index) => ({ path: `src/${index}` }));
  expect(verdict(deed({ kind: "edit", locations }), { allow: ["edit:src/**"] }).outcome).toBe("ask");
  expect(verdict(deed({ kind: "edit", locations: locations.slice(0, 10) }), { allow: ["edit:src/**"] }).outcome).toBe(
    "allow",
  );
});
