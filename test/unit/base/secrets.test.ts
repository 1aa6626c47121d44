import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { newId, newToken } from "../../../src/base/ids.ts";
import { isSecret, isSecretName, isSecretValue, redactText, secretRanges } from "../../../src/base/secrets.ts";

test.each([
  "OPENAI_API_KEY",
  "GITHUB_TOKEN",
  "githubToken",
  "DB_PASSWORD",
  "PGPASSWORD",
  "SECRET",
  "client-secret",
  "AUTH",
  "Authorization",
  "GOOGLE_APPLICATION_CREDENTIALS",
  "AWS_SECRET_ACCESS_KEY",
  "npm_config__authToken",
  "KEY",
  "apikey",
])("%s is the name of a secret", (name) => {
  expect(isSecretName(name)).toBe(true);
});

test.each([
  "PATH",
  "HOME",
  "GIT_AUTHOR_NAME",
  "KEYBOARD_LAYOUT",
  "MONKEY",
  "progressToken",
  "max_depth",
  "tokenizer",
  "",
])("%s is not the name of a secret", (name) => {
  expect(isSecretName(name)).toBe(false);
});

describe("a value is secret by its shape", () => {
  test.each([
    "sk-ant-api03-abcdef",
    "ghp_0123456789abcdefghij",
    "github_pat_11ABCDEFG0abcdef",
    "xoxb-123456789012-abcdef",
    "AKIAIOSFODNN7EXAMPLE",
    "glpat-abcdefgh12345678",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefgh",
    "postgres://me:pa55@host/db",
    "Bearer abcdefgh12345678",
    "0123456789abcdef0123456789abcdef",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
  ])("%s", (value) => {
    expect(isSecretValue(value)).toBe(true);
  });

  test("when it is one of our own tokens, whatever stands around it", () => {
    for (let one = 0; one < 1000; one++) {
      const token = newToken();
      expect(token).toMatch(/^cru_[A-Za-z0-9_-]{43}$/);
      expect(redactText(`x ${token}, "${token}" ${token}\n`)).not.toContain(token.slice(5));
    }
  });

  test("when it is random", () => {
    for (let seed = 0; seed < 5000; seed++) {
      const token = createHash("sha256").update(String(seed)).digest("base64url");
      expect(isSecretValue(token), token).toBe(true);
    }
  });

  test.each([
    "/home/user/Projects/My-Project2/src/components/VeryLongComponentName3.tsx",
    "claude-agent-acp",
    "https://example.org/a",
    "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "maxConcurrentDelegationsPerSession",
    "2026-11-21T09:42:07.455Z",
    "",
    "@agentclientprotocol/claude-agent-acp@0.49.0",
    "12345678901234567890123456789012",
    newId("ses"),
  ])("but not %s", (value) => {
    expect(isSecretValue(value)).toBe(false);
  });
});

test("a count of tokens is no secret", () => {
  expect(isSecret("MAX_TOKENS", "4096")).toBe(false);
  expect(isSecret("API_TOKENS", "a,b")).toBe(true);
  expect(isSecret("PASSWORD", "123456")).toBe(true);
  expect(isSecret("tokens", "null")).toBe(false);
});

describe("a text is shown without its secrets", () => {
  test.each([
    ['API_KEY = "hunter2" # x', 'API_KEY = "[redacted]" # x'],
    ["password=hunter2&user=me", "password=[redacted]&user=me"],
    ['{"authorization":"Bearer hunter2","id":1}', '{"authorization":"[redacted]","id":1}'],
    ["Authorization: Bearer hunter2, more", "Authorization: [redacted], more"],
    ["--api-key=hunter2 --fast", "--api-key=[redacted] --fast"],
    ["TOKEN = '''\nhunter2\n'''", "TOKEN = '''[redacted]'''"],
    ["postgres://me:hunter2@host/db", "postgres://me:[redacted]@host/db"],
    ["sent sk-hunter2hunter2 to it", "sent [redacted] to it"],
    ['A_TOKEN = "${GITHUB_TOKEN}"', 'A_TOKEN = "${GITHUB_TOKEN}"'],
    ['unknown key: max_dept, {"totalTokens":12}', 'unknown key: max_dept, {"totalTokens":12}'],
    ["nothing here", "nothing here"],
  ])("%s", (text, shown) => {
    expect(redactText(text)).toBe(shown);
  });

  test("in a time that grows with its length, not faster", () => {
    const text = `${"a".repeat(100_000)} ${"key=".repeat(50_000)} ${'x="'.repeat(50_000)} ${"eyJ".repeat(50_000)}`;
    const started = performance.now();
    redactText(text);
    expect(performance.now() - started).toBeLessThan(3000);
  });

  test("with ranges in order that never overlap", () => {
    const ranges = secretRanges(`TOKEN=ghp_0123456789abcdefghij ${"x7Kp2Qm9".repeat(4)} KEY_A=abc`);
    expect(ranges).toHaveLength(3);
    for (let at = 1; at < ranges.length; at++) expect(ranges[at]!.start).toBeGreaterThan(ranges[at - 1]!.end);
  });
});
