/**
 * An agent that tries to get out, let loose as a child of a session: once in the sandbox that is there by default, once in the
 * weaker one, once without any. What it may succeed at is what the table in docs/concepts/security.md calls open, all of that
 * and nothing else. As root, and as an ordinary user that root becomes for it.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { acts, type Act } from "./acts.ts";
import { assault, crowdAttack, narrowedAttack, networkAttack, told, type Assault } from "./assault.ts";
import { attempts } from "./attempts.ts";
import { createField, modes, type Field, type Mode } from "./field.ts";

const page = join(import.meta.dirname, "../../docs/concepts/security.md");
const isRoot = process.getuid?.() === 0;
const nobody = { uid: 65_534, gid: 65_534 };
const users = isRoot ? { "an ordinary user": nobody, root: undefined } : { "an ordinary user": undefined };

/** A row of the table: what it says about each mode. */
type Row = Readonly<Record<Mode, string>>;

function promises(): ReadonlyMap<string, Row> {
  const [, table = ""] = /<!-- held:start -->([\s\S]*?)<!-- held:end -->/.exec(readFileSync(page, "utf8")) ?? [];
  const rows = table.trim().split("\n").slice(2);
  const cells = rows.map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  const rowOf = (said: string[]): Row =>
    Object.fromEntries(modes.map((mode, index) => [mode, said[index] ?? ""])) as Row;
  return new Map(cells.map(([what = "", ...said]) => [what, rowOf(said)]));
}

function saidToBeOpen(mode: Mode, user: string): Act[] {
  const rows = promises();
  return (Object.keys(acts) as Act[]).filter((act) => {
    const cell = rows.get(acts[act])?.[mode] ?? "";
    return cell === "**open**" || (user === "root" && cell.includes("**open** to root"));
  });
}

test("there are more than a hundred ways out to try, each with a name of its own, and the page has a row for what each is about", () => {
  expect(attempts.length).toBeGreaterThan(100);
  expect(new Set(attempts.map(({ name }) => name)).size).toBe(attempts.length);
  expect([...promises().keys()].toSorted()).toEqual(Object.values(acts).toSorted());
  for (const row of promises().values()) {
    for (const mode of modes) expect(row[mode]).toMatch(/^(held|\*\*open\*\*|held; \*\*open\*\* to root)$/);
  }
});

describe.each(Object.entries(users))("with a daemon of %s", (user, ids) => {
  let field: Field;
  beforeAll(async () => void (field = await createField(ids)));
  afterAll(() => field[Symbol.asyncDispose]());

  // Without a sandbox it may destroy what the others are about to try.
  describe.each(modes)("%s", (mode) => {
    let result: Assault;
    beforeAll(async () => {
      const [whole, crowd] = await Promise.all([assault(field, mode), assault(field, mode, crowdAttack)]);
      const narrowed = await assault(field, mode, narrowedAttack);
      await field.closeNetwork(true);
      const cutOff = await assault(field, mode, networkAttack);
      await field.closeNetwork(false);
      const all = [whole, crowd, narrowed, cutOff];
      result = {
        outcomes: all.flatMap(({ outcomes }) => outcomes),
        failedControls: all.flatMap(({ failedControls }) => failedControls),
      };
    });

    test("it can do what it is there for", () => {
      expect(result.failedControls).toEqual([]);
    });

    test("nothing succeeds but what the page calls open", () => {
      const open = saidToBeOpen(mode, user);
      expect(told(result.outcomes.filter(({ succeeded, act }) => succeeded && !open.includes(act)))).toEqual([]);
    });

    test("all that the page calls open is", () => {
      const succeeded = new Set(result.outcomes.filter((one) => one.succeeded).map(({ act }) => act));
      expect(saidToBeOpen(mode, user).filter((act) => !succeeded.has(act))).toEqual([]);
    });
  });

  test("the daemon made no mistake of its own over it, and still serves", async () => {
    expect(field.daemon.stderr.split("\n").filter((line) => line.includes('"event":"bug"'))).toEqual([]);
    expect((await field.parent.prompt("say alive")).text).toBe("alive");
  });
});
