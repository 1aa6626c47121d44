/** Logins: brought into a private home, and back when they were refreshed there; nothing else ever comes out. */
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { maxTokenLength } from "../../../src/sandbox/login-tokens.ts";
import { exchangeLogins, maxLoginBytes } from "../../../src/sandbox/logins.ts";

let folder: string;
let warnings: string[];
const login = { claudeAiOauth: { accessToken: "old", refreshToken: "r", expiresAt: 1, scopes: ["a"] } };
const refreshed = { claudeAiOauth: { accessToken: "new", refreshToken: "r2", expiresAt: 2, scopes: ["a"] } };
const file = ".claude/.credentials.json";

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "cru-login-")));
  mkdirSync(join(folder, "inside"));
  warnings = [];
  put("home", file, login, 1000);
});
afterEach(() => rmSync(folder, { recursive: true }));

function put(where: "home" | "inside", name: string, content: unknown, seconds: number): void {
  const path = join(folder, where, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  utimesSync(path, seconds, seconds);
}

function text(where: "home" | "inside", name = file): unknown {
  return JSON.parse(readFileSync(join(folder, where, name), "utf8"));
}

function exchange(family = "claude", env: Record<string, string> = {}, reasons?: Map<string, string>): void {
  const [userHome, privateHome] = [join(folder, "home"), join(folder, "inside")];
  const onWarning = (message: string): void => void warnings.push(message);
  exchangeLogins({ family, userHome, env, privateHome, onWarning, ...(reasons && { reasons }) });
}

describe("into the private home", () => {
  test("comes a login that is not there, for its owner alone", () => {
    exchange();
    expect(text("inside")).toEqual(login);
    expect(statSync(join(folder, "inside", file)).mode & 0o777).toBe(0o600);
  });

  test("comes one that is newer, and none that is older", () => {
    put("inside", file, refreshed, 500);
    exchange();
    expect(text("inside")).toEqual(login);
  });

  test("come of a file of settings those that belong to the login, once", () => {
    put("home", ".claude.json", { oauthAccount: { id: 1 }, hooks: "x", projects: {} }, 1000);
    put("home", ".gemini/settings.json", { security: { auth: { selectedType: "oauth", x: 1 } }, mcp: {} }, 1000);
    exchange();
    exchange("gemini");
    expect(text("inside", ".claude.json")).toEqual({ oauthAccount: { id: 1 } });
    expect(text("inside", ".gemini/settings.json")).toEqual({ security: { auth: { selectedType: "oauth" } } });
    put("inside", ".claude.json", { hooks: "planted" }, 9000);
    exchange();
    expect(text("home", ".claude.json")).toMatchObject({ hooks: "x" });
  });

  test("comes one from where a variable has moved it", () => {
    put("home", "elsewhere/auth.json", { tokens: {} }, 1000);
    exchange("codex", { CODEX_HOME: join(folder, "home/elsewhere") });
    expect(text("inside", ".codex/auth.json")).toEqual({ tokens: {} });
  });

  test("comes nothing through a link that the agent has put there", () => {
    mkdirSync(join(folder, "outside"));
    symlinkSync(join(folder, "outside"), join(folder, "inside/.claude"));
    exchange();
    expect(existsSync(join(folder, "outside/.credentials.json"))).toBe(false);
  });
});

describe("back to the user", () => {
  test("comes a login that was refreshed", () => {
    const token = "tid=1;exp=2;sku=a_b;8kp=1:0f|x";
    const after = { claudeAiOauth: { ...refreshed.claudeAiOauth, accessToken: token } };
    put("inside", file, after, 2000);
    exchange();
    expect(text("home")).toEqual(after);
    expect(statSync(join(folder, "home", file)).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, "home", file)).mtimeMs).toBe(2_000_000);
  });

  test.each([
    ["with more in it", { ...refreshed, apiKeyHelper: "sh -c evil" }],
    [
      "with a token that is an address",
      { claudeAiOauth: { ...refreshed.claudeAiOauth, accessToken: "https://evil.example" } },
    ],
    ["with a token that is a path", { claudeAiOauth: { ...refreshed.claudeAiOauth, refreshToken: "/tmp/evil" } }],
    ["with a token that is a command", { claudeAiOauth: { ...refreshed.claudeAiOauth, accessToken: "$(touch x)" } }],
    [
      "with a token that is too long",
      { claudeAiOauth: { ...refreshed.claudeAiOauth, accessToken: "a".repeat(maxTokenLength + 1) } },
    ],
    ["with a time that is none", { claudeAiOauth: { ...refreshed.claudeAiOauth, expiresAt: "run me" } }],
    ["with a token where there was none", { ...refreshed, accessToken: "new" }],
    ["with another address in it", { claudeAiOauth: { ...refreshed.claudeAiOauth, token_uri: "x" } }],
    ["with a new token that is an address", { claudeAiOauth: { ...refreshed.claudeAiOauth, id_token: "http://a" } }],
    ["with a new token that is more", { claudeAiOauth: { ...refreshed.claudeAiOauth, id_token: { url: "x" } } }],
    ["with a new helper for tokens", { claudeAiOauth: { ...refreshed.claudeAiOauth, accessTokenCommand: "sh" } }],
    ["with a new endpoint of tokens", { claudeAiOauth: { ...refreshed.claudeAiOauth, refresh_token_url: "a" } }],
    ["with other rights", { claudeAiOauth: { ...refreshed.claudeAiOauth, scopes: ["all"] } }],
    ["without its login", {}],
    ["with something else for a token", { claudeAiOauth: { ...refreshed.claudeAiOauth, accessToken: { a: 1 } } }],
    ["that is no JSON", "#!/bin/sh"],
    ["that is too large", `{"x":"${"y".repeat(maxLoginBytes)}"}`],
  ])("does not come a file %s", (_, content) => {
    put("inside", file, content, 2000);
    exchange();
    expect(text("home")).toEqual(login);
  });

  test("comes with what a refresh may add: other tokens, and the times they are good for", () => {
    const more = {
      id_token: "eyJ.a-b_c.d",
      refresh_token_expires_at: 3,
      refreshTokenExpiresIn: 4,
      last_refresh: "2026-11-21T10:00:00Z",
    };
    const after = { claudeAiOauth: { ...refreshed.claudeAiOauth, ...more } };
    put("inside", file, after, 2000);
    exchange();
    expect(text("home")).toEqual(after);
  });

  test("does not come a link, nor a file that has another name elsewhere", () => {
    put("inside", "other.json", refreshed, 2000);
    mkdirSync(join(folder, "inside/.claude"));
    symlinkSync("../other.json", join(folder, "inside", file));
    exchange();
    rmSync(join(folder, "inside", file));
    linkSync(join(folder, "inside/other.json"), join(folder, "inside", file));
    exchange();
    expect(text("home")).toEqual(login);
    expect(warnings).toEqual([]);
  });

  test("comes nothing where the user has signed out", () => {
    rmSync(join(folder, "home", file));
    put("inside", file, refreshed, 2000);
    exchange();
    expect(existsSync(join(folder, "home", file))).toBe(false);
  });

  test("comes no file from the future: the user's own takes its place", () => {
    put("inside", file, refreshed, Date.now() / 1000 + 100_000);
    exchange();
    expect(text("home")).toEqual(login);
    expect(text("inside")).toEqual(login);
  });

  test.each([
    ["within the home is written through", "home/dotfiles/login.json", refreshed, 0],
    ["out of the home is left as it is", "shared/login.json", login, 1],
  ])("a link of the user's %s, and stays a link", (_, target, after, warned) => {
    const real = join(folder, target);
    mkdirSync(dirname(real), { recursive: true });
    renameSync(join(folder, "home", file), real);
    symlinkSync(real, join(folder, "home", file));
    put("inside", file, refreshed, 2000);
    exchange();
    expect(lstatSync(join(folder, "home", file)).isSymbolicLink()).toBe(true);
    expect(text("home")).toEqual(after);
    expect(warnings).toHaveLength(warned);
  });

  test("what is in the way is told once, and again when it is something else", () => {
    const reasons = new Map<string, string>();
    const away = (name: string): void => {
      mkdirSync(join(folder, name), { recursive: true });
      writeFileSync(join(folder, name, "login.json"), JSON.stringify(login));
      rmSync(join(folder, "home", file), { force: true });
      symlinkSync(join(folder, name, "login.json"), join(folder, "home", file));
      utimesSync(join(folder, name, "login.json"), 1000, 1000);
    };
    away("shared");
    put("inside", file, refreshed, 2000);
    for (let time = 0; time < 3; time++) exchange("claude", {}, reasons);
    expect(warnings).toHaveLength(1);
    away("other");
    for (let time = 0; time < 3; time++) exchange("claude", {}, reasons);
    expect(warnings).toHaveLength(2);
    rmSync(join(folder, "home", file));
    exchange("claude", {}, reasons);
    away("other");
    exchange("claude", {}, reasons);
    expect(warnings).toHaveLength(3);
  });
});
