/** A daemon that takes connections and says nothing, as one that is suspended: nobody waits for it for ever. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { acpDialect } from "../../../src/cli/lasting-bridge/acp-dialect.ts";
import { runLastingBridge } from "../../../src/cli/lasting-bridge/bridge.ts";
import { connectControl } from "../../../src/control/client.ts";

interface Listening {
  socketPath: string;
  callers: Socket[];
}

async function listening(onCaller: (socket: Socket) => void = () => {}): Promise<Listening> {
  const folder = mkdtempSync(join(tmpdir(), "crucible-silent-"));
  const socketPath = join(folder, "daemon.sock");
  const callers: Socket[] = [];
  const server = createServer((socket) => {
    callers.push(socket);
    socket.on("error", () => {});
    onCaller(socket);
  });
  server.listen(socketPath);
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of callers) socket.destroy();
    server.close();
    rmSync(folder, { recursive: true });
  });
  return { socketPath, callers };
}

const waits = { patienceMs: 20, answerMs: 80 };

test("a command is told so, with the pid and how to be rid of it", async () => {
  const { socketPath } = await listening();
  writeFileSync(`${socketPath}.lock`, JSON.stringify({ pid: 4711, startTime: 1 }));
  using control = await connectControl(socketPath, { waits });
  const answer = control.request("ps", {});
  await expect(answer).rejects.toMatchObject({
    code: "CRU_DAEMON_SILENT",
    hint: expect.stringContaining("-CONT 4711"),
  });
  await expect(answer).rejects.toThrow(/took the connection, and has not answered for 100 ms/);
});

test("one that is slow with an answer, and says that it is there, is waited for", async () => {
  const { socketPath } = await listening((socket) => {
    const asked: { id: number; method: string }[] = [];
    const answer = ({ id }: { id: number }): void => void socket.write(`{"jsonrpc":"2.0","id":${id},"result":{}}\n`);
    socket.on("data", (chunk: Buffer) => {
      const lines = chunk.toString().trim().split("\n");
      asked.push(
        ...lines.map((line) => JSON.parse(line) as { id: number; method: string }).filter(({ method }) => method),
      );
      const status = asked.find(({ method }) => method === "status");
      if (!status) return;
      answer(status);
      setTimeout(() => answer(asked[0]!), 3 * waits.answerMs);
    });
  });
  using control = await connectControl(socketPath, { waits });
  expect(await control.request("ps", {})).toEqual({});
});

test("an editor's first request is answered with it, and its bridge ends", async () => {
  const { socketPath } = await listening();
  const [input, output] = [new PassThrough(), new PassThrough()];
  input.write('{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}\n');
  const reach = async (): Promise<Socket> => {
    const socket = connect(socketPath);
    await once(socket, "connect");
    return socket;
  };
  const said = text(output);
  const ended = await runLastingBridge({
    ...{ dialect: acpDialect, input, output, reach, autostart: false, say: () => {} },
    firstWordTimeoutMs: 50,
  });
  expect(ended?.message).toMatch(/took the connection, and has not answered/);
  expect(JSON.parse(await said)).toMatchObject({ id: 1, error: { data: { code: "CRU_DAEMON_SILENT" } } });
});
