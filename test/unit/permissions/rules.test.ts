/** What a rule fits: commands however they are written, paths wherever they lie, tools whatever an agent calls them. */
import { describe, expect, test } from "vitest";
import { maxCommandNesting } from "../../../src/permissions/command-line.ts";
import { facetsOf } from "../../../src/permissions/facets.ts";
import { decide } from "../../../src/permissions/policy.ts";
import { readRules } from "../../../src/permissions/rules.ts";
import { command, deed, kiln, lineageVerdict, path, places, verdict } from "./asking.ts";

describe("a command that is denied", () => {
  const rules = { default: "allow", deny: ["execute:rm *", "bash:git push --force *"] } as const;

  test.each([
    "rm -rf build",
    "rm",
    "  rm   -rf   build ",
    "rm\t-rf build",
    "/bin/rm x",
    "./rm x",
    "\\rm x",
    "r\\m x",
    "'rm' x",
    'r"m" x',
    "cd src && rm x",
    "true; rm x",
    "true;rm x",
    "true & rm x",
    "true || rm x",
    "echo x | rm x",
    "true\nrm x",
    "true \\\n && rm x",
    "(cd src; rm x)",
    "{ rm x; }",
    "if true; then rm x; fi",
    "while true; do rm x; done",
    "! rm x",
    "f() { rm x; }; f",
    "function f { rm x; }; f",
    "echo $(rm x)",
    "echo `rm x`",
    'echo "$(rm x)"',
    "echo `echo \\`rm x\\``",
    "echo $(echo $(rm x))",
    "diff <(rm x) y",
    "tee >(rm x)",
    "A=1 rm x",
    "PATH=/tmp A=b rm x",
    "sudo rm x",
    "sudo -u root rm x",
    "env A=b rm x",
    "env -i rm x",
    "nohup nice -n 5 rm x &",
    "timeout 5 rm x",
    "time rm x",
    "time -p rm x",
    "command rm x",
    "exec rm x",
    "xargs rm < list",
    "ls | xargs -n1 rm",
    "find . -name '*.o' -exec rm {} \\;",
    "sh -c 'rm x'",
    'bash -lc "cd y && rm x"',
    "sh -c \"sh -c 'rm x'\"",
    "/usr/bin/env bash -c 'rm x'",
    "sudo sh -c 'rm x'",
    "su -c 'rm x' root",
    "ssh host 'rm x'",
    "watch 'rm x'",
    "eval rm x",
    'eval "rm x"',
    "eval 'r''m' x",
    "busybox rm x",
    "2>/dev/null rm x",
    "> out rm x",
    "rm>out x",
    "cat <<EOF\ntext\nEOF\nrm x",
    "git push --force origin main",
    "git  push --force",
    "case x in x) rm y;; esac",
    // What only some shells take for this.
    "echo a &>/dev/null rm x",
    "true &>>log rm x",
    "{log}>/dev/null rm x",
    "noglob rm x",
    "=rm x",
    "alias q=rm\nq x",
    "alias q='rm -rf'; q x",
    "hash -p /bin/rm q; q x",
    'echo "`echo \\"\'\\"; rm x; echo \\"\'\\"`"',
    "env -S'rm x'",
    "env --split-string='rm x'",
    "su -c'rm x' root",
    "script -qc'rm x'",
  ])("%j", (line) => expect(verdict(command(line), rules).outcome).toBe("deny"));

  test.each([[["rm", "-rf", "x"]], [["bash", "-lc", "rm x"]], [["/bin/sh", "-c", "true; rm x"]]])(
    "as words: %j",
    (words) => {
      expect(verdict(command(words), rules).outcome).toBe("deny");
    },
  );

  test("also by the shell it is given to", () => {
    const noShells = { default: "allow", deny: ["execute:bash -lc *"] } as const;
    expect(verdict(command(["bash", "-lc", "ls"]), noShells).outcome).toBe("deny");
    expect(verdict(command("/bin/bash -lc 'ls'"), noShells).outcome).toBe("deny");
  });

  test.each(["other", "think", "fetch", "read", "search", undefined])("when its agent calls it %s", (kind) => {
    for (const rawInput of [
      { command: "true; rm x" },
      { command: ["bash", "-lc", "rm x"] },
      { command: "true; rm x", args: [] },
    ]) {
      const asked = deed({ kind, title: "Look around", rawInput, locations: [{ path: "x" }] });
      expect(verdict(asked, rules).outcome).toBe("deny");
      expect(verdict(asked, { allow: ["other:*", "mcp:*"] }).outcome).toBe("ask");
    }
  });

  test("and one that reads by a command is read by what allows that, and no command", () => {
    const asked = deed({ kind: "read", rawInput: { command: ["bash", "-lc", "cat x"] }, locations: [{ path: "x" }] });
    expect(verdict(asked, { allow: ["read:**"] }).outcome).toBe("allow");
    expect(verdict(asked, { allow: ["read:**"], ask: ["execute:cat *"] }).outcome).toBe("ask");
    const way = deed({ kind: "edit", rawInput: { command: "view", path: "x" } });
    expect(verdict(way, { allow: ["edit:**"], deny: ["execute:view *"] }).outcome).toBe("allow");
  });

  test("when the title is all there is", () => {
    expect(verdict(deed({ kind: "execute", title: "`rm x`" }), rules).outcome).toBe("deny");
    expect(verdict(deed({ kind: "execute", title: "rm x" }), rules).outcome).toBe("deny");
  });

  test("when only the tool call before the question has it", () => {
    const asked = deed({ toolCallId: "1" }, { known: { kind: "execute", rawInput: { command: "rm x" } } });
    expect(verdict(asked, rules).outcome).toBe("deny");
  });

  test.each([
    "find . -perm 644",
    "echo $X",
    "git add $X",
    "[ -f x ] && ls",
    "alias",
    "grep rm x",
    "echo 'rm x'",
    'echo "rm x" > log',
    "rmdir x",
    "cat <<EOF\nrm x\nEOF",
    "git push",
  ])("and not %j", (line) => expect(verdict(command(line), rules).outcome).toBe("allow"));
});

describe("where it cannot be told what runs, and a rule forbids commands, it is asked", () => {
  test.each([
    "$TOOL x",
    "r$X x",
    "$(echo rm) x",
    "`echo rm` x",
    "{rm,-rf,x}",
    "/bin/r? x",
    'sh -c "$SCRIPT"',
    "echo 'cm0geA==' | base64 -d | sh",
    "sh <<EOF\nrm x\nEOF",
    "bash <<< 'rm x'",
    "eval $X",
    "sudo $X",
    "$'r\\x6d' x",
    "echo $((1 + $(rm x))",
    "rm 'x",
    "echo $(rm x",
    `${"(".repeat(50)}rm x`,
    // The text of a here document that ends later, or is none, than it seems.
    "cat <<E\na\\\nE\necho '\nE\nrm x\necho '",
    "cat <<\\\n-E\nE\nrm x\n-E",
    "cat <<A $(echo '\nA\n); rm x; echo '\nA\n",
    'echo "$\\\n(rm x)"',
    ". /dev/stdin <<E\nrm x\nE",
    "echo rm x | sh -s x",
    "echo rm x | bash /dev/fd/0",
    "echo rm x | xargs env",
    "echo rm x | xargs -n 1 nice",
    "echo rm x | parallel -j 4",
    "alias q=$X; q x",
  ])("%j", (line) => {
    const asked = verdict(command(line), { default: "allow", deny: ["execute:mkfs *"] });
    expect(asked.outcome).toBe("ask");
    expect(verdict(command(line), { default: "allow", deny: ["edit:*"] }).outcome).toBe("allow");
    expect(verdict(command(line), { default: "allow", deny: ["execute:mkfs *"], allow: ["execute:*"] }).outcome).toBe(
      "ask",
    );
    expect(verdict(command(line), { default: "deny", deny: ["execute:mkfs *"] }).outcome).toBe("deny");
  });

  test.each(["git $X", "git {push,--force}", "git pu$X --force", 'git "$(echo push)" --force', "/usr/bin/git push $X"])(
    "and so it is of words that are made only then, where the rest may be what is forbidden: %j",
    (line) => {
      const rules = { default: "allow", deny: ["execute:git push --force *"] } as const;
      expect(verdict(command(line), rules).outcome).toBe("ask");
      expect(verdict(command(line.replaceAll("git", "ls")), rules).outcome).toBe("allow");
    },
  );

  test.each(["echo x > .en[v]", "echo x > .en?", "echo x > ~root/.profile"])(
    "and of a file that is named by a pattern: %j",
    (line) => expect(verdict(command(line), { default: "allow", deny: ["edit:**/.env"] }).outcome).toBe("ask"),
  );

  test("also of a line too long to be taken apart", () => {
    const line = `echo ${"x".repeat(70_000)}; rm y`;
    expect(verdict(command(line), { default: "allow", deny: ["execute:rm *"] }).outcome).toBe("ask");
  });

  test("and of a script within so many scripts", () => {
    const nested = (levels: number): string => (levels === 0 ? "rm x" : `$(${nested(levels - 1)})`);
    const outcome = (levels: number): string =>
      verdict(command(`echo ${nested(levels)}`), { default: "allow", deny: ["execute:rm *"] }).outcome;
    expect([outcome(maxCommandNesting), outcome(maxCommandNesting + 1)]).toEqual(["deny", "ask"]);
  });

  test("and a line made to take for ever is given up on", () => {
    const line = `${"env sh ".repeat(2000)}rm x`;
    const began = performance.now();
    expect(verdict(command(line), { default: "allow", deny: ["execute:mkfs *"] }).outcome).toBe("ask");
    expect(performance.now() - began).toBeLessThan(2000);
  });
});

describe("a command that is allowed", () => {
  const rules = {
    allow: ["execute:npm test", "execute:npm run *", "execute:git status *", "execute:cd *", "execute:ls"],
  };

  test.each([
    "npm test",
    " npm  test ",
    "npm run build",
    "npm run",
    "cd src && npm test",
    "npm test; ls",
    "npm 'test'",
    "git status -s",
  ])("%j", (line) => expect(verdict(command(line), rules).outcome).toBe("allow"));

  test.each([[["npm", "test"]], [["bash", "-lc", "npm test"]], ["bash -lc 'npm test && ls'"]])(
    "as words: %j",
    (words) => {
      expect(verdict(command(words), rules).outcome).toBe("allow");
    },
  );

  test.each([
    "npm test && rm x",
    "npm test; curl x | sh",
    "npm test $(rm x)",
    "npm run `rm x`",
    "npm run $X",
    "npm run build > ../out",
    "npm run build >> .bashrc",
    "npm run x < /etc/passwd",
    "PATH=/tmp npm test",
    "PATH=/tmp; npm test",
    "/tmp/npm test",
    "./npm test",
    "sudo npm test",
    "sh -c 'npm test; rm x'",
    "sh -c 'npm test' x",
    "sh -xc 'npm test'",
    "npm test &\nrm x",
    "npm run 'x",
    "npm run {a,b}",
    "npm run <(rm x)",
    "npmtest",
    "npm testing",
    "npm test &>/dev/null rm x",
    "{log}>/dev/null npm test",
    "./sh -c 'npm test'",
    "/home/u/project/bin/bash -lc 'npm test'",
    "/usr/../home/u/project/sh -c 'npm test'",
  ])("and not %j", (line) => expect(verdict(command(line), rules).outcome).toBe("ask"));

  test.each(["npm run build > /dev/null 2>&1", "npm test 2>&1 | ls", "npm run x &>/dev/null"])(
    "output that goes nowhere does not matter: %j",
    (line) => expect(verdict(command(line), rules).outcome).toBe("allow"),
  );

  test("into a file where that file may be written", () => {
    const both = { allow: [...rules.allow, "edit:out/**"], deny: ["edit:**/.env"] };
    expect(verdict(command("npm run x > out/log"), both).outcome).toBe("allow");
    expect(verdict(command("npm run x > log"), both).outcome).toBe("ask");
    expect(verdict(command("cd .. && npm run x > out/log"), both).outcome).toBe("ask");
    expect(verdict(command("npm run x > a/.env"), both).outcome).toBe("deny");
  });

  test("everything, by a bare *", () => {
    expect(verdict(command("a $(b) > c"), { allow: ["*:*"] }).outcome).toBe("allow");
    expect(verdict(command("a $(b)"), { allow: ["bash:*"] }).outcome).toBe("allow");
  });
});

describe("a path", () => {
  const rules = {
    default: "allow",
    deny: ["edit:**/.env", "edit:/etc/**", "write:secrets/**", "edit:*.pem", "edit:~/.ssh/**"],
  } as const;

  test.each([
    ".env",
    "a/.env",
    "a/b/.env",
    "./a/../.env",
    `${kiln}/.env`,
    `${kiln}/a/.env`,
    "/srv/.env",
    "/etc/passwd",
    "../../../etc/passwd",
    "secrets/a",
    "secrets/a/b",
    "secrets",
    "x/key.pem",
    "key.pem",
    "a\nb/.env",
    "~/.ssh/id",
    "file:///etc/passwd",
  ])("%j is denied", (name) => expect(verdict(path("edit", name), rules).outcome).toBe("deny"));

  test.each(["env", "a.env", ".envrc", "x/secrets/a", "a/etc/x"])("%j is not", (name) =>
    expect(verdict(path("edit", name), rules).outcome).toBe("allow"),
  );

  test("what must not be edited must not be deleted or moved, but may be read", () => {
    expect(verdict(path("delete", ".env"), rules).outcome).toBe("deny");
    expect(verdict(path("move", ".env"), rules).outcome).toBe("deny");
    expect(verdict(path("read", ".env"), rules).outcome).toBe("allow");
    expect(verdict(path("search", ".env"), { default: "allow", deny: ["read:.env"] }).outcome).toBe("deny");
  });

  test.each([
    { locations: [{ path: "ok" }, { path: ".env" }] },
    { rawInput: { file_path: ".env" } },
    { rawInput: { filePath: ".env" } },
    { rawInput: { paths: ["ok", ".env"] } },
    { rawInput: { source: "ok", destination: ".env" } },
    { rawInput: { changes: { ".env": {} } } },
    { rawInput: { edits: [{ path: ".env" }] } },
    { content: [{ type: "diff", path: ".env", newText: "" }] },
    { locations: [{ path: "ok" }], content: [{ type: "diff", path: ".env", newText: "" }] },
  ])("is found wherever a question has it: %j", (toolCall) => {
    expect(verdict(deed({ kind: "edit", ...toolCall }), rules).outcome).toBe("deny");
  });

  test("a diff counts as an edit, whatever the kind", () => {
    expect(verdict(deed({ kind: "other", content: [{ type: "diff", path: ".env" }] }), rules).outcome).toBe("deny");
  });

  test("all have to be allowed", () => {
    const allow = { allow: ["edit:src/**"] };
    const both = (other: string) => deed({ kind: "edit", locations: [{ path: "src/a" }, { path: other }] });
    expect(verdict(both("src/b"), allow).outcome).toBe("allow");
    expect(verdict(both("b"), allow).outcome).toBe("ask");
    expect(verdict(path("edit", "src/../b"), allow).outcome).toBe("ask");
    expect(verdict(path("delete", "src/a"), allow).outcome).toBe("ask");
  });

  test("outside the kiln is allowed by an absolute pattern only", () => {
    for (const rule of ["edit:*", "edit:**", "edit:**/x", "*:**/x"]) {
      expect(verdict(path("edit", "sub/x"), { allow: [rule] }).outcome).toBe("allow");
      expect(verdict(path("edit", "/elsewhere/x"), { allow: [rule] }).outcome).toBe("ask");
    }
    expect(verdict(path("edit", "/elsewhere/x"), { allow: ["edit:/elsewhere/*"] }).outcome).toBe("allow");
    expect(verdict(path("edit", "a/x"), { allow: [`edit:${kiln}/a/**`] }).outcome).toBe("allow");
  });

  test("a link has to be allowed by both its names, and is denied by either", () => {
    const linked = { ...places, real: (name: string) => (name === `${kiln}/src/link` ? `${kiln}/secrets/a` : name) };
    const over = (given: { allow?: string[]; deny?: string[] }) =>
      decide([
        {
          profile: "p",
          rules: readRules({ default: "ask", ask: [], allow: [], deny: [], ...given }),
          facets: facetsOf(path("edit", "src/link"), linked),
        },
      ]).outcome;
    expect(over({ allow: ["edit:src/**"] })).toBe("ask");
    expect(over({ allow: ["edit:src/**", "edit:secrets/**"] })).toBe("allow");
    expect(over({ deny: ["edit:secrets/**"] })).toBe("deny");
    expect(over({ deny: ["edit:src/**"] })).toBe("deny");
  });

  test("that is not named is asked where a rule is about such paths", () => {
    expect(verdict(deed({ kind: "edit", title: "Edit" }), rules).outcome).toBe("ask");
    expect(verdict(deed({ kind: "read", title: "Read" }), rules).outcome).toBe("allow");
    expect(verdict(deed({ kind: "edit", title: "Edit" }), { allow: ["edit:*"] }).outcome).toBe("ask");
    expect(verdict(deed({ kind: "edit", title: "Edit" }), { deny: ["edit:*"] }).outcome).toBe("deny");
  });
});

describe("an MCP tool", () => {
  const calls = [
    { kind: "other", title: "mcp__github__create_issue" },
    { kind: "other", title: "github_create_issue" },
    { kind: "other", title: "Tool: github/create_issue" },
    { kind: "other", title: "mcp.github.create_issue" },
    { kind: "other", title: "Create an issue", _meta: { claudeCode: { toolName: "mcp__github__create_issue" } } },
    { kind: "other", title: '{"title":"x"}', toolCallId: "mcp_github_create_issue-1763730000000-1" },
    { kind: "other", title: "x", rawInput: { server: "github", tool: "create_issue" } },
  ];
  const servers = ["github"];

  test.each(calls)("is one and the same: %j", (toolCall) => {
    for (const pattern of [
      "github_create_issue",
      "mcp__github__create_issue",
      "github_*",
      "github/*",
      "mcp__github__*",
    ]) {
      expect(verdict(deed(toolCall, { servers }), { default: "allow", deny: [`mcp:${pattern}`] }).outcome).toBe("deny");
      expect(verdict(deed(toolCall, { servers }), { allow: [`mcp:${pattern}`] }).outcome).toBe("allow");
    }
    expect(verdict(deed(toolCall, { servers }), { allow: ["mcp:gitlab_*"] }).outcome).toBe("ask");
    expect(verdict(deed(toolCall, { servers }), { allow: ["execute:*"] }).outcome).toBe("ask");
  });

  test("is known by its own name where the server's is", () => {
    const asked = deed({ kind: "other", title: "mcp__github__create_issue" });
    expect(verdict(asked, { allow: ["mcp:create_issue"] }).outcome).toBe("allow");
  });

  test("is no command where Codex asks for it as if it were one", () => {
    const known = { kind: "other", title: "mcp.github.create_issue" };
    const asked = deed({ toolCallId: "1", kind: "execute" }, { known, _meta: { is_mcp_tool_approval: true } });
    expect(verdict(asked, { allow: ["mcp:github_*"] }).outcome).toBe("allow");
    expect(verdict(asked, { allow: ["execute:*"] }).outcome).toBe("ask");
  });

  test("and a command is not one because it says so", () => {
    const asked = deed({ kind: "execute", rawInput: { command: "rm x" } }, { _meta: { is_mcp_tool_approval: true } });
    expect(verdict(asked, { default: "allow", deny: ["execute:rm *"] }).outcome).toBe("deny");
  });
});

describe("an address", () => {
  const fetch = (url: string) => deed({ kind: "fetch", rawInput: { url } });
  const rules = { allow: ["fetch:docs.example.com", "fetch:https://api.example.com/v1/*"], deny: ["fetch:*.evil.com"] };

  test.each([
    ["https://docs.example.com/a", "allow"],
    ["http://DOCS.example.com./a", "allow"],
    ["https://api.example.com/v1/x?y", "allow"],
    ["https://api.example.com/v2/x", "ask"],
    ["https://docs.example.com.evil.com/", "deny"],
    ["https://docs.example.com@www.evil.com/", "deny"],
    ["https://docs.example.com:x@other.com/", "ask"],
    ["https://other.com/?docs.example.com", "ask"],
    ["https://a.evil.com", "deny"],
    ["not an address", "ask"],
  ])("%s: %s", (url, outcome) => expect(verdict(fetch(url), rules).outcome).toBe(outcome));

  test("is found in the title, and all of several count", () => {
    expect(verdict(deed({ kind: "fetch", title: 'Fetch "https://a.evil.com/x"' }), rules).outcome).toBe("deny");
    const several = deed({ kind: "fetch", rawInput: { urls: ["https://docs.example.com", "https://other.com"] } });
    expect(verdict(several, rules).outcome).toBe("ask");
  });
});

describe("the order", () => {
  const asked = command("npm test");

  test("deny, then ask, then allow, then the default", () => {
    const rule = "execute:npm *";
    expect(verdict(asked, { deny: [rule], ask: [rule], allow: [rule], default: "allow" })).toMatchObject({
      outcome: "deny",
      rule: `deny ${rule}`,
    });
    expect(verdict(asked, { ask: [rule], allow: [rule], default: "allow" }).outcome).toBe("ask");
    expect(verdict(asked, { allow: [rule], default: "deny" })).toMatchObject({
      outcome: "allow",
      rule: `allow ${rule}`,
    });
    expect(verdict(asked, { default: "deny" })).toMatchObject({ outcome: "deny", rule: "default deny" });
  });

  test("the strictest of a lineage counts, and says whose it is", () => {
    const own = { allow: ["execute:*"] };
    expect(lineageVerdict(asked, [own, { deny: ["execute:npm *"] }, own])).toMatchObject({
      outcome: "deny",
      profile: "profile-1",
      rule: "deny execute:npm *",
    });
    expect(lineageVerdict(asked, [own, own, { default: "ask" }])).toMatchObject({
      outcome: "ask",
      profile: "profile-2",
    });
    expect(lineageVerdict(asked, [own, own]).outcome).toBe("allow");
  });

  test("of what an agent does without asking, only a rule asks", () => {
    const unasked = { unasked: true };
    expect(verdict(asked, { default: "ask" }, unasked).outcome).toBe("allow");
    expect(verdict(asked, { default: "deny" }, unasked).outcome).toBe("deny");
    expect(verdict(asked, { ask: ["execute:npm *"] }, unasked).outcome).toBe("ask");
    expect(verdict(asked, { deny: ["execute:npm *"] }, unasked).outcome).toBe("deny");
    expect(lineageVerdict(asked, [{}, { ask: ["execute:npm *"] }], unasked).outcome).toBe("ask");
  });
});
