/** Results within `result_max_bytes`, and the pages in which the whole of a longer one is read. */
import type { Client } from "@modelcontextprotocol/client";
import { describe, expect, test } from "vitest";
import { maxErrorBytes } from "../../src/base/errors.ts";
import { defaultPageBytes, maxPageBytes } from "../../src/mcp/tools/read-delegation.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { endOf, callDelegate, delegateLine, nested, openParent, type Parent } from "./delegating.ts";

const cap = 1024;
const config = [
  scriptedProfile("parent", { delegation: `enabled = true\nmax_depth = 2\nresult_max_bytes = ${cap}` }),
  scriptedProfile("middle", { delegation: `enabled = true\nresult_max_bytes = ${64 * 1024}` }),
  scriptedProfile("terse", { delegation: "enabled = true\nresult_max_bytes = 40" }),
  scriptedProfile("talker"),
].join("\n");

let daemon: TestDaemon;
let parent: Parent;
let other: Parent;
let tools: Client;
let otherTools: Client;

shareAmongTests({
  open: async () => {
    daemon = await startDaemon({ config });
    [parent, other] = await Promise.all([openParent(daemon, "parent"), openParent(daemon, "parent")]);
    [tools, otherTools] = await Promise.all([parent.tools(), other.tools()]);
  },
  close: () => endOf(daemon, [tools, otherTools, parent, other]),
});

interface Page {
  text: string;
  offset: number;
  next_offset: number | null;
  total_bytes: number;
  status: string;
}

async function talk(text: string): ReturnType<typeof callDelegate> {
  return callDelegate(tools, { agent: "talker", task: `say ${JSON.stringify(text)}` });
}

async function read(id: string, range: { offset?: number; max_bytes?: number } = {}, by = tools): Promise<Page> {
  const answer = await by.callTool({ name: "read_delegation", arguments: { id, ...range } });
  expect(answer.isError ?? false).toBe(false);
  return answer.structuredContent as Page;
}

async function readAll(id: string, pageBytes: number): Promise<{ text: string; pages: Page[] }> {
  const pages: Page[] = [];
  for (let offset: number | null = 0; offset !== null; offset = pages.at(-1)!.next_offset) {
    pages.push(await read(id, { offset, max_bytes: pageBytes }));
  }
  return { text: pages.map(({ text }) => text).join(""), pages };
}

async function expectUnknown(id: string, by: Client): Promise<string> {
  const answer = await by.callTool({ name: "read_delegation", arguments: { id } });
  expect(answer).toMatchObject({ isError: true, structuredContent: { error: { code: "CRU_DELEGATION_UNKNOWN" } } });
  return JSON.stringify([answer.content, answer.structuredContent]);
}

test("a result of exactly the cap arrives whole", async () => {
  const text = "x".repeat(cap);
  expect((await talk(text)).result).toMatchObject({ result: text, truncated: false, result_bytes: cap });
});

test("one byte more is cut to the cap: head and tail stay, and the number of missing bytes is right", async () => {
  const text = `HEAD${"x".repeat(cap - 7)}TAIL`;
  const { result, isError } = await talk(text);
  expect(isError).toBe(false);
  expect(result).toMatchObject({ status: "completed", truncated: true, result_bytes: cap + 1 });
  expect(Buffer.byteLength(result.result)).toBeLessThanOrEqual(cap);
  expect(result.result.startsWith("HEADx")).toBe(true);
  expect(result.result.endsWith("xTAIL")).toBe(true);
  const [, marker, omitted] = /(\s*\[[^\]]*?(\d+) bytes[^\]]*\]\s*)/.exec(result.result) ?? [];
  expect(marker).toContain("read_delegation");
  expect(marker).toContain(result.delegation_id);
  const kept = Buffer.byteLength(result.result) - Buffer.byteLength(marker!);
  expect(Number(omitted)).toBe(result.result_bytes - kept);
});

describe("nothing else that a child says makes a result large", () => {
  const huge = "x".repeat(200_000);
  const path = JSON.stringify({ title: "edit", kind: "edit", locations: [{ path: `/${huge}` }] });
  const cost = JSON.stringify({ used: 5, cost: { amount: 1, currency: huge } });

  test.each([
    ["an error of its own", `fail -32603 ${huge}`, { status: "failed", error: { code: "CRU_AGENT_ERROR" } }],
    ["a stop reason", `stop ${huge}`, { status: "failed", error: { code: "CRU_AGENT_STOPPED" } }],
    ["a path", `tool ${path}`, { status: "completed", artifacts: [{ kind: "omitted", files: 1 }] }],
    ["a currency", `usage ${cost}`, { status: "completed", usage: { tokens: 5, cost: { amount: 1 } } }],
  ])("%s", async (_, task, expected) => {
    const answer = await tools.callTool({ name: "delegate_session", arguments: { agent: "talker", task } });
    expect(answer.structuredContent).toMatchObject(expected);
    // The message of an error stands in it twice.
    expect(JSON.stringify(answer).length).toBeLessThan(3 * maxErrorBytes);
  });

  test("and a call whose names are too long is answered in few words", async () => {
    const calls: [name: string, input: Record<string, unknown>][] = [
      ["delegate_session", { agent: huge, task: "x" }],
      ["delegate_session", { agent: "talker", task: "x", [huge]: 1 }],
      ["read_delegation", { id: huge }],
    ];
    for (const [name, input] of calls) {
      const answer = await tools.callTool({ name, arguments: input });
      expect(answer.isError).toBe(true);
      expect(JSON.stringify(answer).length).toBeLessThan(3 * maxErrorBytes);
    }
  });
});

test("a cap with no room for the words on what is missing still leaves half of it to head and tail", async () => {
  await using terse = await openParent(daemon, "terse");
  const client = await terse.tools();
  const { result } = await callDelegate(client, { agent: "talker", task: `say HEAD${"x".repeat(80)}TAIL` });
  expect(result).toMatchObject({ truncated: true, result_bytes: 88 });
  expect(result.result).toMatch(/^HEADx{8}\s*\[… 68 bytes are left out[^\]]*read_delegation[^\]]*\]\s*x{4}TAIL$/);
  await client.close();
});

test.each([
  ["two-byte", "é"],
  ["three-byte", "語"],
  ["four-byte", "🦀"],
])("%s characters are never split, wherever the edge falls", async (_, character) => {
  // Shifting by single bytes moves every edge through every position within a character.
  for (const shift of [0, 1, 2, 3]) {
    const text = "a".repeat(shift) + character.repeat(1000);
    const { result } = await talk(text);
    expect(result).toMatchObject({ truncated: true, result_bytes: Buffer.byteLength(text) });
    expect(Buffer.byteLength(result.result)).toBeLessThanOrEqual(cap);
    expect(result.result).not.toContain("\uFFFD");
    expect(result.result.replace(/\s*\[[^\]]*\]\s*/, "").replaceAll(character, "")).toBe("a".repeat(shift));
  }
});

describe("read_delegation", () => {
  const text = Array.from({ length: 600 }, (_, line) => `${line} grüße 語 🦀`).join("\n");

  test.each([1, 2, 3, 7, 100, 4096])("pages of %i bytes reassemble to the whole text", async (pageBytes) => {
    // A page of a byte still moves on by a character; a short text keeps the number of pages small.
    const whole = pageBytes < 100 ? `${text.slice(0, 40)}🦀é` + "x".repeat(cap) + "語".repeat(3) : text;
    const shown = pageBytes < 7 ? whole.slice(0, 45) : whole;
    const { result } = await talk(shown);
    const { text: joined, pages } = await readAll(result.delegation_id, pageBytes);
    expect(joined).toBe(shown);
    const total = Buffer.byteLength(shown);
    expect(pages.every((page) => page.total_bytes === total && page.status === "completed")).toBe(true);
    expect(pages.every((page) => Buffer.byteLength(page.text) <= Math.max(pageBytes, 4))).toBe(true);
    expect(pages[0]?.offset).toBe(0);
    for (const [index, page] of pages.slice(1).entries()) expect(page.offset).toBe(pages[index]!.next_offset);
  });

  test("a page is so long where nobody says how long, and never longer than the most", async () => {
    const { result } = await talk("x".repeat(defaultPageBytes + 1));
    expect(await read(result.delegation_id)).toMatchObject({
      text: "x".repeat(defaultPageBytes),
      next_offset: defaultPageBytes,
    });
    const call = { name: "read_delegation", arguments: { id: result.delegation_id, max_bytes: maxPageBytes + 1 } };
    const answer = await tools.callTool(call);
    expect(answer.isError).toBe(true);
    expect(JSON.stringify(answer)).toContain("max_bytes");
  });

  test("without a range it starts at the beginning; behind the end there is nothing more", async () => {
    const { result } = await talk(text);
    const first = await read(result.delegation_id);
    expect(text.startsWith(first.text)).toBe(true);
    const total = Buffer.byteLength(text);
    expect(await read(result.delegation_id, { offset: total })).toEqual({
      text: "",
      offset: total,
      next_offset: null,
      total_bytes: total,
      status: "completed",
    });
    expect(await read(result.delegation_id, { offset: total + 1000 })).toMatchObject({ text: "", next_offset: null });
  });

  test("tells the status of one that failed, with what the child had said", async () => {
    const { result } = await callDelegate(tools, { agent: "talker", task: "say half\nstop max_tokens" });
    expect(await read(result.delegation_id)).toMatchObject({ text: "half", status: "failed" });
  });

  test("answers CRU_DELEGATION_UNKNOWN for an id that does not exist", async () => {
    await expectUnknown("del_nonexistent", tools);
  });

  test("and for one of another session, which is told nothing else about it", async () => {
    const { result } = await talk("mine alone");
    const unknown = await expectUnknown(result.delegation_id, otherTools);
    expect(unknown).not.toContain("mine alone");
    expect(unknown.replaceAll(result.delegation_id, "ID")).toBe(
      (await expectUnknown("del_nonexistent", otherTools)).replaceAll("del_nonexistent", "ID"),
    );
  });

  test("a root reads what its grandchildren said; a child does not read its parent's", async () => {
    const inner = await parent.delegate({
      agent: "middle",
      task: delegateLine({ agent: "talker", task: "say deep down" }),
    });
    expect(await read(nested(inner).delegation_id)).toMatchObject({ text: "deep down", status: "completed" });

    const { result: ofParent } = await talk("of the parent");
    const asked = await parent.delegate({
      agent: "middle",
      task: `mcp read_delegation ${JSON.stringify({ id: ofParent.delegation_id })}`,
    });
    expect(asked.result).toContain("CRU_DELEGATION_UNKNOWN");
    expect(asked.result).not.toContain("of the parent");
  });
});
