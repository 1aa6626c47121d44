/** What holds for all rules and all commands, whatever they are. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "../../support/fast-check.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseCommandLine } from "../../../src/permissions/command-line.ts";
import type { Deed } from "../../../src/permissions/deed.ts";
import { command, deed, lineageVerdict, path, verdict, type Rules } from "./asking.ts";

const strictness = { allow: 0, ask: 1, deny: 2 } as const;

const word = fc.constantFrom(
  "rm",
  "npm",
  "test",
  "-rf",
  "x",
  "sudo",
  "sh",
  "-c",
  "cd",
  "echo",
  "git",
  "/bin/rm",
  "env",
  "A=b",
);
const glue = fc.constantFrom(
  " ",
  " ",
  " ",
  "; ",
  " && ",
  " | ",
  "\n",
  " $(",
  ")",
  "`",
  "'",
  '"',
  "(",
  "{ ",
  "; }",
  " > ",
  "\\",
  " # ",
  "$X",
);
const line = fc.array(fc.oneof(word, word, glue), { maxLength: 14 }).map((parts) => parts.join(""));
const name = fc.constantFrom(".env", "src/a", "src/.env", "a/b/c", "../x", "/etc/passwd", "secrets/k", "A\nb", "x.pem");
const asked: fc.Arbitrary<Deed> = fc.oneof(
  line.map((text) => command(text)),
  fc.tuple(fc.constantFrom("read", "edit", "delete", "move", "search"), name).map(([kind, one]) => path(kind, one)),
  fc.constantFrom("mcp__a__b", "a_b", "Some tool").map((title) => deed({ kind: "other", title })),
  fc.webUrl().map((url) => deed({ kind: "fetch", rawInput: { url } })),
);
const pattern = fc.oneof(
  fc.tuple(
    fc.constantFrom("execute", "bash", "*"),
    fc.constantFrom("rm *", "*", "npm *", "npm test", "*x*", "sudo *", "cd *", "echo *"),
  ),
  fc.tuple(
    fc.constantFrom("edit", "read", "write", "*"),
    fc.constantFrom("**/.env", "src/**", "*", "/etc/**", "*.pem", "secrets/*"),
  ),
  fc.tuple(fc.constantFrom("mcp", "fetch", "other", "*"), fc.constantFrom("a_*", "*", "*.com", "Some*")),
);
const rule = pattern.map(([kind, text]) => `${kind}:${text}`);
const rules: fc.Arbitrary<Rules> = fc.record({
  default: fc.constantFrom("allow", "ask", "deny"),
  deny: fc.array(rule, { maxLength: 3 }),
  ask: fc.array(rule, { maxLength: 3 }),
  allow: fc.array(rule, { maxLength: 3 }),
});

const strictnessOf = (...args: Parameters<typeof lineageVerdict>): number =>
  strictness[lineageVerdict(...args).outcome];
const holds = { numRuns: 500 };

describe("for all rules", () => {
  test("one more that denies or asks never widens, one more that allows never denies", () => {
    fc.assert(
      fc.property(asked, rules, rule, (what, before, added) => {
        const level = strictnessOf(what, [before]);
        expect(strictnessOf(what, [{ ...before, deny: [...before.deny!, added] }])).toBeGreaterThanOrEqual(level);
        expect(strictnessOf(what, [{ ...before, ask: [...before.ask!, added] }])).toBeGreaterThanOrEqual(
          Math.min(level, 1),
        );
        const allowed = strictnessOf(what, [{ ...before, allow: [...before.allow!, added] }]);
        expect(allowed).toBeLessThanOrEqual(level);
      }),
      holds,
    );
  });

  test("a lineage is as strict as its strictest, and one more session never widens", () => {
    fc.assert(
      fc.property(asked, fc.array(rules, { minLength: 1, maxLength: 4 }), (what, lineage) => {
        const each = lineage.map((one) => strictnessOf(what, [one]));
        expect(strictnessOf(what, lineage)).toBe(Math.max(...each));
      }),
      holds,
    );
  });

  test("what a rule allows, the same rule would deny", () => {
    fc.assert(
      fc.property(asked, rule, (what, one) => {
        if (verdict(what, { allow: [one] }).outcome !== "allow") return;
        expect(verdict(what, { deny: [one] }).outcome).toBe("deny");
      }),
      holds,
    );
  });

  test("not to ask first is never stricter, and never gets past a rule", () => {
    fc.assert(
      fc.property(asked, rules, (what, one) => {
        const unasked = verdict(what, one, { unasked: true });
        const withQuestion = verdict(what, one);
        expect(strictness[unasked.outcome]).toBeLessThanOrEqual(strictness[withQuestion.outcome]);
        if (withQuestion.by !== "default" || withQuestion.outcome === "deny")
          expect(unasked.outcome).toBe(withQuestion.outcome);
      }),
      holds,
    );
  });
});

describe("a command line", () => {
  let folder: string;
  beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), "cru-lines-"))));
  afterAll(() => rmSync(folder, { recursive: true }));

  test("of any characters is read to its end", () => {
    const anything = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: fc.constantFrom(...Array.from(`rm x;&|()<>$\`"'\\{}#!=\n\t\r\u00a0,.*`)), maxLength: 40 }),
    );
    fc.assert(
      fc.property(anything, (text) => void parseCommandLine(text)),
      { numRuns: 3000 },
    );
  });

  // A real shell runs the line with nothing but its own words to run, and tells of each `rm`.
  test("in which a shell would run a program is never taken for one that does not", () => {
    const pieces = fc.constantFrom(
      "rm",
      "rm x",
      "echo",
      "true",
      "x",
      "sudo",
      " ",
      " ",
      ";",
      "&&",
      "|",
      "\n",
      "$(",
      ")",
      "`",
      "'",
      '"',
      "\\",
      "(",
      "{ ",
      "}",
      "! ",
      "#",
      "A=b ",
      "if ",
      "; then ",
      "; fi",
      "eval ",
      "$X",
      "<<E\n",
      "\nE\n",
      "\\\n",
      "&>/dev/null ",
      "{fd}>/dev/null ",
      '\\"',
      "alias q=rm\n",
      "q x",
      "<",
      "$",
    );
    const script = fc
      .array(pieces, { maxLength: 12 })
      .map((parts) => parts.join(""))
      .filter((text) => !/\(\s*\)/.test(text));
    const scripts = fc.sample(script, { numRuns: 800, seed: 20261121 });
    for (const shell of ["/bin/bash", "/bin/sh"]) {
      const ran = spawnSync(shell, ["-c", shellThatTells, shell, ...scripts], {
        encoding: "utf8",
        timeout: 60_000,
        env: { PATH: "/nonexistent" },
        cwd: folder,
      });
      const told = ran.stdout.split("\u0001").slice(1);
      expect(told).toHaveLength(scripts.length);
      const outcomes = [
        { default: "allow", deny: ["execute:rm *"] } as const,
        { allow: ["execute:echo *", "execute:true *", "execute:x *", "execute:q *"] },
      ];
      const missed = scripts.filter(
        (text, at) =>
          told[at]!.includes("\u0002") && outcomes.some((one) => verdict(command(text), one).outcome === "allow"),
      );
      expect(missed).toEqual([]);
      expect(told.filter((one) => one.includes("\u0002")).length).toBeGreaterThan(10);
    }
  });
});

const shellThatTells = `
rm() { printf '\\002' >&3; }
sudo() { "$@"; }
X=rm
for script in "$@"; do
  printf '\\001' >&3
  (eval "$script") >/dev/null 2>&1 </dev/null
done 3>&1
`;
