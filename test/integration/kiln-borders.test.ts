/** How far sessions reach by `[kiln]`: where they may be opened, what is added, what is forbidden, for whoever asks. */
import { existsSync } from "node:fs";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { delegateLine, endOf, inKiln, mayDelegate, nested, openParent, script, type Parent } from "./delegating.ts";

// In the test's home everything lies beside it.
const config = [
  scriptedProfile("parent", { delegation: "enabled = true\nmax_depth = 2" }),
  scriptedProfile("child", { delegation: mayDelegate }),
  scriptedProfile("grandchild"),
  scriptedProfile("able", {
    flags: ["--log", "able.log", "--capabilities", '{"sessionCapabilities":{"additionalDirectories":{}}}'],
  }),
  `[kiln]
roots = ["~/../kiln", "~/../more"]
read = ["~/../readable"]
write = ["~/../writable"]
deny = ["**/.env", "**/.env.*", "**/forbidden/**"]`,
].join("\n");

let daemon: TestDaemon;
let parent: Parent;
const beside = (...steps: string[]): string => join(daemon.home.folder, ...steps);

shareAmongTests({
  open: async () => {
    daemon = await startDaemon({ config });
    for (const name of ["more", "readable", "writable", "elsewhere", "kiln/sub", "kiln/forbidden"]) {
      await mkdir(beside(name), { recursive: true });
      await writeFile(beside(name, "file.txt"), `in ${name}`);
    }
    await writeFile(inKiln(daemon, ".env"), "the secret");
    await symlink(inKiln(daemon, ".env"), inKiln(daemon, "harmless.txt"));
    await symlink(beside("elsewhere"), inKiln(daemon, "leak"));
    await symlink(beside("elsewhere/not-yet.txt"), inKiln(daemon, "leads-to-nothing"));
    await symlink("sub/../.env.local", inKiln(daemon, "leads-to-nothing-inside"));
    parent = await openParent(daemon, "parent");
    parent.editor.onRequest("fs/read_text_file", ({ path }) => ({ content: `editor read ${String(path)}` }));
    parent.editor.onRequest("fs/write_text_file", () => ({}));
    parent.editor.onRequest("terminal/create", () => ({ terminalId: "of the editor" }));
  },
  close: () => endOf(daemon, [parent]),
});

async function childDoes(...lines: string[]): Promise<string> {
  const result = await parent.delegate({ agent: "child", task: script(...lines) });
  expect(result).toMatchObject({ status: "completed" });
  return result.result;
}

describe("a session outside of the roots is refused, and told where it may be", () => {
  const refused = { code: expect.any(Number) as number, data: { code: "CRU_KILN_OUTSIDE" } };

  test.each(["session/new", "session/load", "session/resume", "session/fork"])("by %s", async (method) => {
    const { editor, session } = parent;
    const places = [
      { cwd: beside("elsewhere") },
      { cwd: inKiln(daemon, "leak") },
      { cwd: `${daemon.kiln}/../elsewhere` },
      { cwd: daemon.kiln, additionalDirectories: [beside("more"), beside("elsewhere")] },
    ];
    for (const place of places) {
      for (const sessionId of method === "session/new" ? [undefined] : [session, "ses_unknown"]) {
        const { error } = await editor.sendRequest(method, { ...place, sessionId, mcpServers: [] }).answer();
        expect(error).toMatchObject(refused);
        expect(error?.message).toContain(beside("kiln"));
      }
    }
    // The session that was named goes on.
    expect((await parent.prompt("say here")).text).toBe("here");
  });

  test("by crucible delegate, mcp and explain", async () => {
    const here = ["--no-autostart", "--socket", daemon.home.socket];
    const asked = [
      { args: ["delegate", "child", "say x", "--cwd", beside("elsewhere"), ...here] },
      { args: ["explain", "parent", "child", "--cwd", beside("elsewhere"), "--config", daemon.home.configFile] },
      {
        args: ["mcp", "--agent", "parent", ...here],
        input: '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}\n',
      },
    ];
    for (const { args, input } of asked) {
      const { stdout, stderr } = await daemon.crucible(args, { cwd: beside("elsewhere"), ...(input ? { input } : {}) });
      expect(stdout + stderr, args[0]).toContain("CRU_KILN_OUTSIDE");
    }
  });

  test("and may be opened in any of them, or below", async () => {
    await using other = await openParent(daemon, "parent", { cwd: beside("more") });
    expect((await other.prompt("say here")).text).toBe("here");
    await other.editor.newSession(inKiln(daemon, "sub"), { additionalDirectories: [beside("more")] });
  });
});

describe("a child", () => {
  test("reads what `read` adds, and writes what `write` adds", async () => {
    const said = await childDoes(
      `read ${beside("readable/file.txt")}`,
      `write ${beside("readable/new.txt")} x`,
      `write ${beside("writable/new.txt")} x`,
      `read ${beside("writable/new.txt")}`,
    );
    expect(said).toMatch(/^in readable\n\{"error".*CRU_KILN_DENIED.*\nwrote .*\nx$/);
    expect(existsSync(beside("readable/new.txt"))).toBe(false);
  });

  test.each([".env", ".ENV", "harmless.txt", "sub/../.env", "forbidden/file.txt", "forbidden/new.txt"])(
    "never touches what is forbidden: %s",
    async (name) => {
      const said = await childDoes(`read ${name}`, `write ${name} overwritten`);
      expect(said.match(/CRU_KILN_DENIED/g)).toHaveLength(2);
      expect(said).not.toContain("the secret");
      expect(await readFile(inKiln(daemon, ".env"), "utf8")).toBe("the secret");
      expect(existsSync(inKiln(daemon, "forbidden/new.txt"))).toBe(false);
    },
  );

  test("has all directories of its caller's, and is told of them if it knows what to do with them", async () => {
    const editor = parent.editor;
    const session = await editor.newSession(daemon.kiln, { additionalDirectories: [beside("more")] });
    for (const agent of ["child", "able"]) {
      const { text } = await editor.prompt(session, delegateLine({ agent, task: `read ${beside("more/file.txt")}` }));
      expect(JSON.parse(text)).toMatchObject({ result: "in more" });
    }
    const opened = (await readFile(inKiln(daemon, "able.log"), "utf8"))
      .split("\n")
      .find((one) => one.includes("session/new"));
    expect(JSON.parse(opened!)).toMatchObject({
      params: { cwd: daemon.kiln, additionalDirectories: [beside("more")] },
    });
  });

  test("that works in a folder of the kiln has that folder, and so has all below it", async () => {
    const below = {
      agent: "grandchild",
      task: script("read file.txt", "read ../.env", `read ${beside("more/file.txt")}`),
    };
    const call = {
      agent: "child",
      cwd: "sub",
      task: script(`read ${inKiln(daemon, "leak/file.txt")}`, delegateLine(below)),
    };
    const child = await parent.delegate(call);
    const [own, ...rest] = child.result.split("\n");
    expect(own).toContain("CRU_KILN_OUTSIDE");
    const grandchild = nested({ ...child, result: rest.join("\n") });
    expect(grandchild.result).toMatch(/^in kiln\/sub\n.*CRU_KILN_OUTSIDE.*\n.*CRU_KILN_OUTSIDE/);
  });

  test.each(["..", "leak", "forbidden", "/"])("is not sent to %s", async (cwd) => {
    const call = { agent: "child", cwd, task: "say x" };
    expect(await parent.delegate(call)).toMatchObject({ status: "refused" });
  });
});

describe("an agent at an editor", () => {
  test("has its requests relayed inside the kiln, and in what is added", async () => {
    const said = await parent.prompt(
      script("read sub/file.txt", `read ${beside("readable/file.txt")}`, "write new.txt x"),
    );
    expect(said.text).toBe(
      `editor read ${inKiln(daemon, "sub/file.txt")}\neditor read ${beside("readable/file.txt")}\nwrote new.txt`,
    );
  });

  test.each([
    ["read ../elsewhere/file.txt", "CRU_KILN_OUTSIDE"],
    ["read leak/file.txt", "CRU_KILN_OUTSIDE"],
    ["write leak/new.txt x", "CRU_KILN_OUTSIDE"],
    ["write leads-to-nothing x", "CRU_KILN_OUTSIDE"],
    ["write leads-to-nothing-inside x", "CRU_KILN_DENIED"],
    ["read .env", "CRU_KILN_DENIED"],
    ["write harmless.txt x", "CRU_KILN_DENIED"],
    [`request fs/read_text_file {"path":"relative.txt"}`, "CRU_REQUEST_INVALID"],
    [`request terminal/create {"command":"ls","cwd":"/"}`, "CRU_KILN_OUTSIDE"],
    [`request terminal/create {"args":["x"]}`, "CRU_REQUEST_INVALID"],
  ])("has %s refused before its editor hears of it", async (line, code) => {
    const asked = parent.editor.received.length;
    expect((await parent.prompt(line)).text).toContain(code);
    const heard = parent.editor.received.slice(asked).map(({ method }) => method);
    expect(heard.filter((method) => method?.startsWith("fs/") || method?.startsWith("terminal/"))).toEqual([]);
  });

  test("starts terminals in the kiln", async () => {
    const params = JSON.stringify({ command: "ls", cwd: inKiln(daemon, "sub") });
    expect((await parent.prompt(`request terminal/create ${params}`)).text).toContain("of the editor");
  });
});
