/** The command line's side of the control door, with somebody in the daemon's place who says nothing. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { connectControl } from "../../../src/control/client.ts";

test("a daemon that does not answer what takes no time is told as that; what may take long is waited for", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cru-control-"));
  const socketPath = join(folder, "daemon.sock");
  const server = createServer((socket) => void socket.on("error", () => {}).resume()).listen(socketPath);
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });
  using control = await connectControl(socketPath, { answerMs: 50 });
  let ended = false;
  const cancelling = control.request("cancel", { id: "del_1" }).finally(() => (ended = true));
  cancelling.catch(() => {});
  for (const method of ["status", "ps", "stop"] as const) {
    await expect(control.request(method, {})).rejects.toMatchObject({
      code: "CRU_DAEMON_UNREACHABLE",
      message: expect.stringContaining("did not answer within 50 ms"),
    });
  }
  expect(ended).toBe(false);
});
