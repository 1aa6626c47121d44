/** What is made of the tool calls a child reports, in the shapes that agents are known to send. */
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  Artifacts,
  compareAllMs,
  maxFollowedFiles,
  maxFollowedToolCalls,
  maxListedCommands,
  maxListedDiffCharacters,
  maxListedFiles,
  maxPathCharacters,
  maxPathsOfCall,
} from "../../../src/delegation/artifacts.ts";
import {
  compareTimeoutMs,
  maxAllComparedCharacters,
  maxComparedCharacters,
  maxDiffCharacters,
} from "../../../src/delegation/file-changes.ts";

const cwd = "/kiln";
let calls = 0;

function report(artifacts: Artifacts, fields: Record<string, unknown>): void {
  artifacts.update({ update: { sessionUpdate: "tool_call", toolCallId: `call-${calls++}`, ...fields } });
}

function edit(artifacts: Artifacts, path: string, texts: [string | null, string], more = {}): void {
  const [oldText, newText] = texts;
  report(artifacts, { kind: "edit", content: [{ type: "diff", path, oldText, newText }], ...more });
}

afterEach(() => vi.restoreAllMocks());

/** Has a clock go on by so much each time it is looked at. */
function inSteps(clock: { now: () => number }, milliseconds: number): void {
  let now = clock.now();
  vi.spyOn(clock, "now").mockImplementation(() => (now += milliseconds));
}

test("talk and thoughts leave nothing", () => {
  const artifacts = new Artifacts();
  artifacts.update({ update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text: "hi" } } });
  artifacts.update(undefined);
  expect(artifacts.list(cwd)).toEqual([]);
});

describe("changed files", () => {
  test("a diff is counted in lines, with a unified diff and a path relative to the directory", () => {
    const artifacts = new Artifacts();
    edit(artifacts, "/kiln/src/a.ts", ["one\ntwo\nthree\n", "one\n2\nthree\nfour\n"]);
    expect(artifacts.list(cwd)).toEqual([
      {
        kind: "diff",
        path: "src/a.ts",
        added: 2,
        removed: 1,
        diff: "--- a/src/a.ts\n+++ b/src/a.ts\n@@ -1,3 +1,4 @@\n one\n-two\n+2\n three\n+four\n",
      },
    ]);
  });

  test("a new file has no old side", () => {
    const artifacts = new Artifacts();
    edit(artifacts, "/kiln/new.txt", [null, "hello\n"]);
    expect(artifacts.list(cwd)).toEqual([
      {
        kind: "diff",
        path: "new.txt",
        added: 1,
        removed: 0,
        diff: "--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1,1 @@\n+hello\n",
      },
    ]);
  });

  test("a path outside the directory stays absolute", () => {
    const artifacts = new Artifacts();
    edit(artifacts, "/elsewhere/a.ts", ["a\n", "b\n"]);
    edit(artifacts, "/kilnshop/a.ts", ["a\n", "b\n"]);
    expect(artifacts.list(cwd)).toMatchObject([{ path: "/elsewhere/a.ts" }, { path: "/kilnshop/a.ts" }]);
  });

  test("later diffs of the same file are merged into one", () => {
    const artifacts = new Artifacts();
    edit(artifacts, "/kiln/a", ["1\n", "1\n2\n"]);
    edit(artifacts, "/kiln/a", ["1\n2\n", "1\n2\n3\n"]);
    expect(artifacts.list(cwd)).toMatchObject([{ path: "a", added: 2, removed: 0 }]);
  });

  test("pieces of a file that do not follow from each other are added up", () => {
    const artifacts = new Artifacts();
    edit(artifacts, "/kiln/a", ["foo\n", "bar\n"]);
    edit(artifacts, "/kiln/a", ["x\n", "y\nz\n"]);
    expect(artifacts.list(cwd)).toMatchObject([
      { path: "a", added: 3, removed: 2, diff: expect.stringMatching(/\+bar[^]*\+z/) as string },
    ]);
  });

  test("a call that shows its diff again with every update counts once", () => {
    const artifacts = new Artifacts();
    const content = [{ type: "diff", path: "/kiln/a", oldText: "1\n", newText: "2\n" }];
    artifacts.update({
      update: { sessionUpdate: "tool_call", toolCallId: "x", kind: "edit", status: "pending", content },
    });
    artifacts.update({ update: { sessionUpdate: "tool_call_update", toolCallId: "x", status: "completed", content } });
    expect(artifacts.list(cwd)).toMatchObject([{ path: "a", added: 1, removed: 1 }]);
  });

  test("an edit that failed changed nothing", () => {
    const artifacts = new Artifacts();
    edit(artifacts, "/kiln/a", ["1\n", "2\n"], { status: "failed", locations: [{ path: "/kiln/a" }] });
    expect(artifacts.list(cwd)).toEqual([]);
  });

  test("files that are only named count as edited, deleted or moved", () => {
    const artifacts = new Artifacts();
    report(artifacts, { kind: "edit", locations: [{ path: "/kiln/a" }] });
    report(artifacts, { kind: "delete", locations: [{ path: "/kiln/b" }] });
    report(artifacts, { kind: "move", locations: [{ path: "/kiln/c" }] });
    report(artifacts, { kind: "read", locations: [{ path: "/kiln/d" }] });
    edit(artifacts, "/kiln/e", ["", "x\n"], { locations: [{ path: "/kiln/e" }] });
    expect(artifacts.list(cwd)).toMatchObject([
      { kind: "diff", path: "e" },
      { kind: "file", path: "a", change: "edit" },
      { kind: "file", path: "b", change: "delete" },
      { kind: "file", path: "c", change: "move" },
    ]);
  });

  test("what Crucible wrote itself counts once, however often the agent shows it", () => {
    const artifacts = new Artifacts();
    edit(artifacts, "/kiln/a", ["snippet", "other snippet"]);
    artifacts.wrote({ path: "/kiln/a", before: "1\n", after: "2\n" });
    artifacts.wrote({ path: "/kiln/a", before: "2\n", after: "2\n3\n" });
    expect(artifacts.list(cwd)).toMatchObject([{ path: "a", added: 2, removed: 1 }]);
  });

  test("a file written over a text nobody knows is named without a diff", () => {
    const artifacts = new Artifacts();
    artifacts.wrote({ path: "/kiln/big", before: undefined, after: "x" });
    expect(artifacts.list(cwd)).toEqual([{ kind: "file", path: "big", change: "edit" }]);
  });

  test("texts too long to compare are counted all the same", () => {
    const artifacts = new Artifacts();
    const long = "line\n".repeat(maxComparedCharacters / 5);
    edit(artifacts, "/kiln/a", [long, `${long}more\n`]);
    expect(artifacts.list(cwd)).toEqual([{ kind: "diff", path: "a", added: 1, removed: 0 }]);
  });

  test("of texts that are too long together those that come last are counted all the same", () => {
    const artifacts = new Artifacts();
    const longest = "x".repeat(maxComparedCharacters);
    const edits = maxAllComparedCharacters / maxComparedCharacters;
    // An edit that failed is not listed, and its texts are kept until it is known to have.
    for (let file = 1; file < edits; file++) edit(artifacts, `/kiln/${file}`, [null, longest], { status: "failed" });
    edit(artifacts, "/kiln/before", ["a\n", "b\n"]);
    edit(artifacts, "/kiln/full", [null, longest.slice(4)], { status: "failed" });
    edit(artifacts, "/kiln/after", ["a\n", "b\n"]);
    expect(artifacts.list(cwd)).toEqual([
      { kind: "diff", path: "before", added: 1, removed: 1, diff: expect.stringContaining("+b") as string },
      { kind: "diff", path: "after", added: 1, removed: 1 },
    ]);
  });

  test("a file that takes too long to compare is counted without a diff", () => {
    const artifacts = new Artifacts();
    edit(artifacts, "/kiln/a", ["one\n", "two\n"]);
    expect(artifacts.list(cwd)).toMatchObject([{ added: 1, removed: 1, diff: expect.any(String) as string }]);
    // The clock of the library that compares.
    inSteps(Date, compareTimeoutMs + 1);
    expect(artifacts.list(cwd)).toEqual([{ kind: "diff", path: "a", added: 1, removed: 1 }]);
  });

  test("when all together have taken too long those that come later are counted without a diff", () => {
    const artifacts = new Artifacts();
    for (const name of ["a", "b", "c"]) edit(artifacts, `/kiln/${name}`, ["one\n", "two\n"]);
    const listed = (): boolean[] => artifacts.list(cwd).map((artifact) => "diff" in artifact);
    expect(listed()).toEqual([true, true, true]);
    inSteps(performance, compareAllMs / 2.5);
    expect(listed()).toEqual([true, true, false]);
  });

  test("one call names so many files and no more", () => {
    const artifacts = new Artifacts();
    const all = Array.from({ length: maxPathsOfCall + 5 }, (_, index) => `/kiln/${index}`);
    report(artifacts, {
      kind: "edit",
      content: all.map((path) => ({ type: "diff", path, oldText: "", newText: "x\n" })),
      locations: all.map((path) => ({ path })),
    });
    expect(artifacts.list(cwd).at(-1)).toMatchObject({ kind: "omitted", files: maxPathsOfCall - maxListedFiles });
  });

  test("diffs are bounded, each and together", () => {
    const artifacts = new Artifacts();
    const lines = Array.from({ length: 500 }, (_, index) => `line ${index}\n`).join("");
    for (let file = 0; file < 20; file++) edit(artifacts, `/kiln/${file}`, [null, lines]);
    const diffs = artifacts.list(cwd).flatMap((artifact) => (artifact.kind === "diff" ? (artifact.diff ?? []) : []));
    expect(diffs[0]).toMatch(/\[… \d+ more lines …\]\n$/);
    for (const diff of diffs) expect(diff.length).toBeLessThan(maxDiffCharacters + 100);
    expect(diffs.join("").length).toBeLessThanOrEqual(maxListedDiffCharacters);
    expect(artifacts.list(cwd)).toHaveLength(20);
  });
});

describe("commands", () => {
  test.each([
    ["text", { command: "npm test" }, "npm test"],
    ["words", { command: ["git", "log"] }, "git log"],
    ["words for a shell", { command: ["/bin/bash", "-lc", "ls | wc"] }, "ls | wc"],
    ["under another name", { cmd: "make" }, "make"],
    ["nowhere but in the title", undefined, "the title"],
  ])("given as %s", (_, rawInput, command) => {
    const artifacts = new Artifacts();
    report(artifacts, { kind: "execute", title: "`the title`", rawInput });
    expect(artifacts.list(cwd)).toEqual([{ kind: "command", command, exit_code: null }]);
  });

  test.each([
    ["the raw output", { rawOutput: { exit_code: 3 } }],
    ["the raw output in camel case", { rawOutput: { exitCode: 3 } }],
    ["its metadata", { rawOutput: { metadata: { exit: 3 } } }],
    ["the end of a terminal", { _meta: { terminal_exit: { exit_code: 3, signal: null } } }],
  ])("exit code from %s", (_, fields) => {
    const artifacts = new Artifacts();
    const call = { toolCallId: "run", kind: "execute", title: "x", rawInput: { command: "x" } };
    artifacts.update({ update: { sessionUpdate: "tool_call", ...call } });
    artifacts.update({
      update: { sessionUpdate: "tool_call_update", toolCallId: "run", status: "completed", ...fields },
    });
    expect(artifacts.list(cwd)).toEqual([{ kind: "command", command: "x", exit_code: 3 }]);
  });

  test("one that failed without an exit code says so", () => {
    const artifacts = new Artifacts();
    report(artifacts, { kind: "execute", rawInput: { command: "x" }, status: "failed" });
    expect(artifacts.list(cwd)).toEqual([{ kind: "command", command: "x", exit_code: null, failed: true }]);
  });
});

test("more than are listed are counted", () => {
  const artifacts = new Artifacts();
  for (let index = 0; index < 70; index++) {
    edit(artifacts, `/kiln/${index}`, ["", "x\n"]);
    report(artifacts, { kind: "execute", rawInput: { command: `run ${index}` } });
  }
  const list = artifacts.list(cwd);
  expect(list).toHaveLength(maxListedFiles + maxListedCommands + 1);
  expect(list.at(-1)).toEqual({
    kind: "omitted",
    files: 70 - maxListedFiles,
    commands: 70 - maxListedCommands,
    tool_calls: 0,
  });
});

test("a file whose path is too long to be one is only counted", () => {
  const artifacts = new Artifacts();
  edit(artifacts, `/kiln/${"p".repeat(maxPathCharacters + 1)}`, ["", "x\n"]);
  report(artifacts, { kind: "edit", locations: [{ path: `/${"q".repeat(maxPathCharacters)}` }] });
  edit(artifacts, `/${"r".repeat(maxPathCharacters - 1)}`, ["", "x\n"]);
  expect(artifacts.list(cwd)).toMatchObject([
    { kind: "diff", path: expect.stringMatching(/^\/r+$/) },
    { kind: "omitted", files: 2, commands: 0 },
  ]);
});

test("tool calls beyond those that are followed are counted", () => {
  const artifacts = new Artifacts();
  for (let index = 0; index < maxFollowedToolCalls + 7; index++) report(artifacts, { kind: "read" });
  expect(artifacts.list(cwd)).toEqual([{ kind: "omitted", files: 0, commands: 0, tool_calls: 7 }]);
});

test("files written beyond those that are followed are counted", () => {
  const artifacts = new Artifacts();
  for (let index = 0; index < maxFollowedFiles + 7; index++) {
    artifacts.wrote({ path: `/kiln/${index}`, before: index % 2 === 0 ? null : undefined, after: "x\n" });
  }
  artifacts.wrote({ path: "/kiln/0", before: "x\n", after: "y\n" });
  expect(artifacts.list(cwd).at(-1)).toMatchObject({ files: maxFollowedFiles + 7 - maxListedFiles });
});

test("of a file that is written again and again, too long to compare, only the lines are added up", () => {
  const artifacts = new Artifacts();
  const long = "x".repeat(maxComparedCharacters);
  for (let time = 0; time < 3; time++) artifacts.wrote({ path: "/kiln/a", before: "one\n", after: `${long}${time}\n` });
  expect(artifacts.list(cwd)).toEqual([{ kind: "diff", path: "a", added: 3, removed: 3 }]);
});
