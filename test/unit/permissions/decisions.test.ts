/** What is told of a decision. */
import { expect, test } from "vitest";
import { createBus, type Events } from "../../../src/observe/bus.ts";
import { Decisions, maxToldCharacters } from "../../../src/permissions/decisions.ts";
import type { Session } from "../../../src/sessions/session.ts";
import { deed } from "./asking.ts";

test("of a command and a title that are too long the beginning is kept", () => {
  const bus = createBus();
  const told: Events["permission.decided"][] = [];
  bus.on("permission.decided", (event) => void told.push(event));
  const session = { id: "ses_1", root: { id: "ses_1" }, profile: { name: "a" } } as unknown as Session;
  const long = "x".repeat(maxToldCharacters + 1);
  const asked = deed({ kind: "execute", title: long, rawInput: { command: long } });
  new Decisions(bus).tell({ session, deed: asked, decision: "allowed", decidedBy: "x" });
  expect(told).toMatchObject([{ subject: `${long.slice(1)}…`, title: `${long.slice(1)}…` }]);
});
