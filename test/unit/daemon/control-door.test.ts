/** What may be asked of the door of the command line at once, whoever asks. */
import { duplexPair } from "node:stream";
import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { Link } from "../../../src/acp/link.ts";
import { maxListedSessions, maxSearchCharacters } from "../../../src/control/stored.ts";
import { serveControl, type ControlHandlers } from "../../../src/daemon/control-door.ts";

test.each([
  ["a longer text", { search: "x".repeat(maxSearchCharacters) }, { search: "x".repeat(maxSearchCharacters + 1) }],
  ["more sessions", { limit: maxListedSessions }, { limit: maxListedSessions + 1 }],
])("a list of sessions is refused for %s than may be asked for", async (_, most, tooMuch) => {
  const [near, far] = duplexPair();
  const answer = { sessions: [], store: { degradedSince: null, reason: null } };
  const handlers = { sessions: () => answer } as unknown as ControlHandlers;
  serveControl(far as Socket, handlers, (bug) => expect.unreachable(String(bug)));
  const link = new Link({
    input: near,
    output: near,
    listener: { request: () => expect.unreachable(), notification: () => {} },
    closeReason: () => new Error("closed"),
  });
  expect(await link.request("sessions", { limit: 1, ...most })).toEqual(answer);
  await expect(link.request("sessions", { limit: 1, ...tooMuch })).rejects.toMatchObject({
    object: { data: { code: "CRU_CONTROL_INVALID" } },
  });
  link.close();
});
