/** Tokens stand for one live session each and for nothing else. */
import { expect, test } from "vitest";
import { Scope } from "../../../src/base/scope.ts";
import { AccessTokens } from "../../../src/mcp/access.ts";
import type { Session } from "../../../src/sessions/session.ts";

function sessionWithScope(): Session {
  return { scope: new Scope(() => {}) } as unknown as Session;
}

test("a token finds its session, and no other text does", () => {
  const tokens = new AccessTokens();
  const [one, two] = [sessionWithScope(), sessionWithScope()];
  const [first, second] = [tokens.issue(one), tokens.issue(two)];
  expect(tokens.find(first)).toBe(one);
  expect(tokens.find(second)).toBe(two);
  for (const wrong of ["", first.slice(1), `${first}x`, first.toUpperCase(), first.slice(0, -1)]) {
    expect(tokens.find(wrong)).toBeUndefined();
  }
});

test("it has 256 random bits and nothing of the session in it", () => {
  const tokens = new AccessTokens();
  const session = sessionWithScope();
  const issued = new Set(Array.from({ length: 50 }, () => tokens.issue(session)));
  expect(issued.size).toBe(50);
  for (const token of issued) expect(Buffer.from(token, "base64url").length).toBeGreaterThanOrEqual(32);
});

test("it is worthless once the session has ended, at once when it had ended before", async () => {
  const tokens = new AccessTokens();
  const session = sessionWithScope();
  const token = tokens.issue(session);
  await session.scope.close();
  expect(tokens.find(token)).toBeUndefined();
  const late = tokens.issue(session);
  await session.scope.close();
  expect(tokens.find(late)).toBeUndefined();
});
