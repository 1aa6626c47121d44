import { expect, test } from "vitest";
import type { DelegationProgress } from "../../../src/base/delegation.ts";
import { DelegationTree } from "../../../src/cli/render/delegation-tree.ts";
import { openLiveTree, type Screen } from "../../../src/cli/render/live-tree.ts";
import { styleFor } from "../../../src/cli/render/style.ts";
import { displayWidth } from "../../../src/cli/render/table.ts";
import { until } from "../../support/conditions.ts";

const plain = styleFor({ isTTY: false }, {});

function progress(facts: Partial<DelegationProgress>): DelegationProgress {
  return {
    delegationId: "del_1",
    parentId: null,
    agent: "opencode",
    title: "review the parser",
    depth: 1,
    kind: "activity",
    line: "Read src/parser.ts",
    status: null,
    at: 0,
    ...facts,
  };
}

function treeOf(...told: Partial<DelegationProgress>[]): DelegationTree {
  const tree = new DelegationTree();
  for (const facts of told) tree.add(progress(facts));
  return tree;
}

const view = { now: 12_000, columns: 100, style: plain };

test("has one line for each delegation: who, what, for how long, what it does now", () => {
  expect(treeOf({}).lines(view)).toEqual(["⠋ opencode  review the parser  12 s  Read src/parser.ts"]);
});

test("shows each delegation below the one that asked for it, whatever the order of the news", () => {
  const tree = treeOf(
    { delegationId: "a" },
    { delegationId: "b", agent: "gemini", title: "second" },
    { delegationId: "a1", parentId: "a", agent: "codex", title: "first's own" },
  );
  expect(tree.lines(view).map((line) => line.split("  12 s")[0])).toEqual([
    "⠋ opencode  review the parser",
    "  ⠋ codex  first's own",
    "⠋ gemini  second",
  ]);
});

test("does not count the time in the queue", () => {
  const tree = treeOf({ kind: "queued", at: 0 }, { kind: "starting", line: "starting", at: 10_000 });
  expect(tree.lines(view)[0]).toContain("  2 s  starting");
});

test("says how each one ended, with the time it took", () => {
  const ended = (status: DelegationProgress["status"]) =>
    treeOf({}, { kind: "ended", status, line: "done", at: 3000 }).lines(view)[0];
  expect(ended("completed")).toBe("✓ opencode  review the parser  3 s  done");
  expect(ended("failed")?.[0]).toBe("✗");
  expect(ended("cancelled")?.[0]).toBe("-");
});

test("fits the terminal, also with wide characters, and colours nothing beyond its line", () => {
  const tree = treeOf({ title: "日本語のとても長い題名".repeat(5), line: "x".repeat(500) });
  const [line = ""] = tree.lines({ ...view, columns: 40 });
  expect(displayWidth(line)).toBeLessThanOrEqual(40);
  const style = styleFor({ isTTY: true }, { TERM: "xterm" });
  const [coloured = ""] = treeOf({ line: "x".repeat(500) }).lines({ ...view, columns: 60, style });
  expect(coloured.split("\u001b[")).toHaveLength(5);
});

test("takes from agents only what is harmless on a terminal", () => {
  const [line = ""] = treeOf({ agent: "a\u001b[31m", title: "\u001b]0;x\u0007t", line: "one\ntwo\u202e" }).lines(view);
  expect(line).toBe("⠋ a[31m  ]0;xt  12 s  one two");
});

class RecordedScreen implements Screen {
  isTTY = true;
  columns = 60;
  rows = 5;
  written = "";
  write(text: string): void {
    this.written += text;
  }
}

test("is drawn again in the same place, and left standing at the end", async () => {
  const screen = new RecordedScreen();
  const live = openLiveTree(screen);
  live.show(progress({ at: Date.now() }));
  await until(() => screen.written.includes("\u001b[1A\r\u001b[J"), { what: "a second picture" });
  live.show(progress({ kind: "ended", status: "completed", line: "done", at: Date.now() }));
  live.close();
  const last = screen.written.split("\u001b[J").at(-1) ?? "";
  expect(last).toMatch(/^.*✓ opencode.*done.*\n$/);
});

test("shows the end of a tree that is taller than the terminal, and all of it when it is done", async () => {
  const screen = new RecordedScreen();
  const live = openLiveTree(screen);
  for (let index = 0; index < 9; index++) live.show(progress({ delegationId: `d${index}`, title: `task ${index}.` }));
  await until(() => screen.written.includes("task 8."), { what: "a picture" });
  expect(screen.written).not.toContain("task 4.");
  live.close();
  expect(screen.written.split("\u001b[J").at(-1)).toContain("task 0.");
});

test("draws nothing on a pipe", () => {
  const screen = new RecordedScreen();
  screen.isTTY = false;
  const live = openLiveTree(screen);
  live.show(progress({}));
  live.close();
  expect(screen.written).toBe("");
});
