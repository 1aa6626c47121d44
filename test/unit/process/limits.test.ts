/** What is kept of ended processes and of what a process says is bounded. */
import { PassThrough } from "node:stream";
import { finished } from "node:stream/promises";
import { expect, test } from "vitest";
import { EndedTrees, maxEndedTrees } from "../../../src/process/ended-trees.ts";
import { drainStderr, maxLineBytes } from "../../../src/process/stderr-tail.ts";

test("of very many trees that have ended the earliest are forgotten", () => {
  const ended = new EndedTrees();
  for (let number = 0; number <= maxEndedTrees; number++) ended.add(`agt_${number}`, `agent ${number}`);
  expect([0, 1, maxEndedTrees].map((number) => ended.labelOf(`agt_${number}`))).toEqual([
    undefined,
    "agent 1",
    `agent ${maxEndedTrees}`,
  ]);
});

test("a line on stderr that is too long is left out, with its size, and the next one is heard", async () => {
  const stderr = new PassThrough();
  const lines: string[] = [];
  drainStderr(stderr, (line) => lines.push(line));
  stderr.end(`${"x".repeat(maxLineBytes)}\n${"y".repeat(maxLineBytes + 1)}\nthe next\n`);
  await finished(stderr);
  expect(lines).toEqual(["x".repeat(maxLineBytes), "(a line of 64.0 KiB left out)", "the next"]);
});
