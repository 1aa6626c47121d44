/**
 * `crucible acp` and `crucible mcp` as pipes, against a socket server of the test's own in place of the daemon. What they do when
 * the daemon goes is tested in bridge-return.test.ts and mcp-return.test.ts.
 */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { describe, expect, onTestFinished, test } from "vitest";
import { crucibleUser, ended } from "../support/command-line.ts";
import { until } from "../support/conditions.ts";
import { fakeDaemon } from "../support/fake-daemon.ts";

const mib = 1024 * 1024;

function hashing(stream: NodeJS.ReadableStream): { bytes: () => number; digest: () => string } {
  const hash = createHash("sha256");
  let bytes = 0;
  stream.on("data", (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.length;
  });
  return { bytes: () => bytes, digest: () => hash.copy().digest("hex") };
}

async function connected(args: readonly string[], env: Record<string, string> = {}) {
  const user = await crucibleUser();
  const daemon = await fakeDaemon(user);
  const process = user.start(args, env);
  process.stdin.on("error", () => {});
  return { user, process, ...(await daemon.caller()) };
}

/** As the daemon starts it for one session. */
async function connectedToSession() {
  const user = await crucibleUser();
  const daemon = await fakeDaemon(user);
  const process = user.start(["mcp"], { CRUCIBLE_SESSION_TOKEN: "secret", CRUCIBLE_SOCKET: user.socketPath });
  process.stdin.on("error", () => {});
  return { user, process, ...(await daemon.caller()) };
}

describe("the first line", () => {
  test("of acp says that an editor comes, for which profile, and where", async () => {
    const { user, greeting } = await connected(["acp", "--agent", "my-claude", "--no-autostart"]);
    expect(greeting).toMatchObject({ protocol: 1, hello: { door: "editor", agent: "my-claude", cwd: user.project } });
    expect(greeting?.hello).toHaveProperty("daemonsBefore", 0);
  });

  test("of mcp names the profile and the directory", async () => {
    const { user, greeting } = await connected(["mcp", "--agent", "my-claude", "--no-autostart"]);
    expect(greeting?.hello).toMatchObject({ door: "mcp", agent: "my-claude", cwd: user.project });
  });

  test("of mcp is the session's token when the daemon started it, at that daemon's socket", async () => {
    const user = await crucibleUser();
    const daemon = await fakeDaemon(user);
    const env = { CRUCIBLE_SESSION_TOKEN: "secret", CRUCIBLE_SOCKET: user.socketPath, XDG_RUNTIME_DIR: "/nowhere" };
    user.start(["mcp"], env);
    expect((await daemon.caller()).greeting?.hello).toEqual({ door: "mcp", token: "secret" });
  });
});

test("16 MiB go through both ways at once without a changed byte", async () => {
  const { process, socket } = await connected(["acp"]);
  const [up, down] = [randomBytes(16 * mib), Buffer.concat([randomBytes(16 * mib), Buffer.from("\n")])];
  const [arrivedUp, arrivedDown] = [hashing(socket), hashing(process.stdout)];
  process.stdin.end(up);
  socket.write(down);
  socket.resume();
  await once(socket, "end");
  await until(() => arrivedDown.bytes() === down.length, { what: "all of it to arrive" });
  socket.end();
  expect((await ended(process)).code).toBe(0);
  expect(arrivedUp.digest()).toBe(createHash("sha256").update(up).digest("hex"));
  expect(arrivedDown.digest()).toBe(createHash("sha256").update(down).digest("hex"));
});

test("a caller who does not read holds back the daemon, and can still send", async () => {
  const { process, socket } = await connected(["acp"]);
  const flood = Buffer.alloc(32 * mib, `${"x".repeat(1023)}\n`);
  const flooded = new Promise((resolve) => socket.write(flood, resolve));
  const heard: string[] = [];
  socket.setEncoding("utf8").on("data", (text: string) => heard.push(text));
  socket.resume();
  process.stdin.write("cancel\n");
  await until(() => heard.join("") === "cancel\n", { what: "the cancel to arrive" });
  expect(socket.writableLength).toBeGreaterThan(24 * mib);

  const arrived = hashing(process.stdout);
  await flooded;
  await until(() => arrived.bytes() === flood.length, { what: "all of it to arrive" });
  process.stdin.end();
  await once(socket, "end");
  socket.end();
  await once(process, "exit");
});

describe("the end", () => {
  test("of the caller's side reaches the daemon, whose last words still come out", async () => {
    const { process, socket } = await connected(["acp"]);
    process.stdin.end("question\n");
    socket.resume();
    await once(socket, "end");
    socket.end("answer\n");
    expect(await ended(process)).toEqual({ code: 0, signal: null, stdout: "answer\n", stderr: "" });
  });

  test("of the daemon's side ends the pipe of a tool server, and says so, while the caller is still there", async () => {
    const { process, socket } = await connectedToSession();
    socket.end("last words\n");
    const { code, stdout, stderr } = await ended(process);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "last words\n" });
    expect(stderr).toBe("crucible: the daemon has closed the connection\n");
  });

  test("of a daemon that dies in the middle of a conversation with a tool server is an error", async () => {
    const { process, socket } = await connectedToSession();
    process.stdin.write(Buffer.alloc(mib, "x"));
    await once(socket, "readable");
    socket.destroy();
    const { code, stdout, stderr } = await ended(process);
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(stderr).toMatch(/^error: the connection to the daemon broke: .* \[CRU_DAEMON_CONNECTION\]\n/);
  });

  test("of a caller who stops reading ends the bridge", async () => {
    const { process, socket } = await connected(["acp"]);
    socket.resume();
    process.stdout.destroy();
    await once(process.stdout, "close");
    const feed = setInterval(() => socket.write("news\n"), 10);
    onTestFinished(() => clearInterval(feed));
    const [code] = (await once(process, "exit")) as [number];
    expect(code).toBe(0);
  });
});

test("nothing but the daemon's bytes is ever on stdout", async () => {
  const { process, socket } = await connected(["acp"], { NODE_OPTIONS: "--trace-warnings" });
  process.stdin.end();
  socket.resume();
  await once(socket, "end");
  socket.end();
  expect((await ended(process)).stdout).toBe("");
});
