/** The list of hosts, and the proxy that holds agents to it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, request as httpRequest, type Server } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import * as fc from "../../support/fast-check.ts";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { allows, destinationOf, isNear, nearAddresses } from "../../../src/sandbox/network-rule.ts";
import {
  maxProxyConnections,
  openProxy,
  proxyConnectTimeoutMs,
  type Proxy,
  type ProxyOptions,
} from "../../../src/sandbox/proxy.ts";
import { upstreamFor } from "../../../src/sandbox/upstream-proxy.ts";
import { until } from "../../support/conditions.ts";

describe("a list of hosts", () => {
  test.each([
    ["api.example.com", "api.example.com", 443, true],
    ["api.example.com", "api.example.com", 80, true],
    ["api.example.com", "api.example.com", 22, false],
    ["api.example.com", "API.Example.COM.", 443, true],
    ["api.example.com", "evil-api.example.com", 443, false],
    ["api.example.com", "api.example.com.evil.org", 443, false],
    ["*.example.org", "a.example.org", 443, true],
    ["*.example.org", "a.b.example.org", 443, true],
    ["*.example.org", "example.org", 443, false],
    ["*.example.org", "evilexample.org", 443, false],
    ["*.example.org:8443", "a.example.org", 8443, true],
    ["*.example.org:8443", "a.example.org", 443, false],
  ])("%s and %s:%i: %s", (rule, host, port, isAllowed) => {
    expect(allows([rule], { host, port })).toBe(isAllowed);
  });

  test("that is empty allows nothing", () => {
    fc.assert(
      fc.property(fc.domain(), fc.integer({ min: 1, max: 65_535 }), (host, port) => !allows([], { host, port })),
    );
  });

  test.each([
    ["a.example:443", { host: "a.example", port: 443 }],
    ["[::1]:80", { host: "::1", port: 80 }],
    ["a.example", undefined],
    ["a.example:0", undefined],
    ["a.example:70000", undefined],
    ["user@a.example:443", undefined],
    ["http://a.example:443", undefined],
    ["other.example#.a.example:443", undefined],
    ["other.example?.a.example:443", undefined],
    ["other.example%00.a.example:443", undefined],
  ])("a destination %s is read as %j", (text, expected) => {
    expect(destinationOf(text)).toEqual(expected);
  });

  test.each([
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "::1",
    "::",
    "169.254.169.254",
    "fe80::1%eth0",
    "::ffff:127.0.0.1",
    "192.0.2.7",
  ])("%s is this machine or next to it", (address) => expect(isNear(nearAddresses(["192.0.2.7"]), address)).toBe(true));

  test.each(["192.0.2.8", "10.1.2.3", "2001:db8::1"])("%s is not", (address) => {
    expect(isNear(nearAddresses(["192.0.2.7"]), address)).toBe(false);
  });
});

describe("the proxy", () => {
  let folder: string;
  let proxy: Proxy;
  let server: Server;
  let port: number;
  let refused: string[];
  let looked: string[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "crucible-proxy-"));
    server = createServer((request, response) =>
      response.end(`${request.method} ${request.url} for ${request.headers.host}`),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ({ port } = server.address() as AddressInfo);
    [refused, looked] = [[], []];
  });
  afterEach(async () => {
    await proxy.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });

  async function open(options: Partial<ProxyOptions> = {}): Promise<void> {
    proxy = await openProxy({
      path: join(folder, "proxy"),
      rules: () => [`allowed.test:${port}`, `near.test:${port}`],
      onRefused: (message) => refused.push(message),
      env: {},
      lookup: async (host) => {
        looked.push(host);
        return ["127.0.0.1"];
      },
      ...options,
    });
  }

  /** What comes back for these bytes, until the proxy hangs up or `enough` is there. */
  function say(text: string, enough?: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let answer = "";
      const socket = connect(join(folder, "proxy"), () => socket.write(text));
      socket.setEncoding("utf8").on("data", (chunk: string) => {
        answer += chunk;
        if (enough !== undefined && answer.includes(enough)) socket.destroy();
      });
      socket.once("error", reject).once("close", () => resolve(answer));
    });
  }

  const tunnel = (host: string): string =>
    `CONNECT ${host} HTTP/1.1\r\nhost: ${host}\r\n\r\nGET /inside HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`;

  test("refuses a host that is not listed, says how to allow it, and does not even look it up", async () => {
    await open();
    const answer = await say(tunnel("other.test:443"));
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    expect(answer).toContain('add "other.test:443"');
    expect(await say(`GET http://other.test/ HTTP/1.1\r\nhost: other.test\r\n\r\n`)).toMatch(/^HTTP\/1\.1 403 /);
    expect(refused).toHaveLength(2);
    expect(looked).toEqual([]);
  });

  test("refuses a listed host that leads to this machine", async () => {
    await open();
    expect(await say(tunnel(`near.test:${port}`))).toMatch(/^HTTP\/1\.1 403 [^]*leads to this machine/);
    expect(looked).toEqual(["near.test"]);
  });

  test("refuses an address that is given in place of a name", async () => {
    await open({ rules: () => ["127.0.0.1"] });
    expect(await say(tunnel("127.0.0.1:443"))).toMatch(/^HTTP\/1\.1 403 /);
  });

  test("says so when a name leads nowhere", async () => {
    await open({ lookup: () => Promise.reject(new Error("no such name")) });
    expect(await say(tunnel(`allowed.test:${port}`))).toMatch(/^HTTP\/1\.1 502 [^]*no such name/);
  });

  test("gives up on a host that does not answer", async () => {
    // Stopped, it answers nobody once those that the system lets wait for it are there.
    const listens = `require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, function () {
      process.stdout.write(String(this.address().port)); });`;
    const silent = spawn(process.execPath, ["-e", listens]);
    const waiting: Socket[] = [];
    try {
      const [said] = (await once(silent.stdout, "data")) as [Buffer];
      silent.kill("SIGSTOP");
      const silentPort = Number(said);
      for (let count = 0; count < 20; count++) waiting.push(connect(silentPort, "127.0.0.1").on("error", () => {}));
      // What waits for it there is before all that comes later.
      await once(waiting[0]!, "connect");
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      await open({ isNear: () => false, rules: () => [`silent.test:${silentPort}`] });
      const answers = [
        say(`CONNECT silent.test:${silentPort} HTTP/1.1\r\nhost: x\r\n\r\n`),
        say(`GET http://silent.test:${silentPort}/ HTTP/1.1\r\nhost: x\r\n\r\n`),
      ];
      while (vi.getTimerCount() < answers.length) await nextTurn();
      vi.advanceTimersByTime(proxyConnectTimeoutMs);
      for (const answer of answers) expect(await answer).toMatch(/^HTTP\/1.1 502 .*it took too long to connect/s);
    } finally {
      vi.useRealTimers();
      for (const socket of waiting) socket.destroy();
      silent.kill("SIGKILL");
    }
  });

  test("takes so many connections and closes further ones", async () => {
    await open();
    const callers: { isClosed: boolean; socket: Socket }[] = [];
    const call = async (): Promise<void> => {
      const caller = { isClosed: false, socket: connect(join(folder, "proxy")).on("error", () => {}) };
      caller.socket.on("close", () => (caller.isClosed = true)).resume();
      callers.push(caller);
      await once(caller.socket, "connect");
    };
    while (callers.length < maxProxyConnections) await call();
    await call();
    await until(() => callers.at(-1)!.isClosed, { what: "the one too many to be closed" });
    expect(callers.filter(({ isClosed }) => isClosed)).toHaveLength(1);
    for (const { socket } of callers) socket.destroy();
  });

  test("goes by the rules of the moment", async () => {
    let rules: string[] = [];
    await open({ rules: () => rules });
    expect(await say(tunnel(`near.test:${port}`))).toContain("not among the hosts");
    rules = [`near.test:${port}`];
    expect(await say(tunnel(`near.test:${port}`))).toContain("leads to this machine");
  });

  test.each([
    "CONNECT nonsense HTTP/1.1\r\nhost: x\r\n\r\n",
    "GET /relative HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
  ])("answers %j with an error", async (text) => {
    await open();
    expect(await say(text)).toMatch(/^HTTP\/1\.1 400 /);
  });

  test("carries a listed host's connections and requests, both ways", async () => {
    // The server of the test is on this machine, which is what a list never opens: here it counts as far away.
    await open({ isNear: () => false });
    expect(await say(tunnel(`allowed.test:${port}`), "for x")).toMatch(
      /200 Connection Established[^]*GET \/inside for x/,
    );
    const plain = `GET http://allowed.test:${port}/plain?q=1 HTTP/1.1\r\nhost: ignored\r\nconnection: close\r\n\r\n`;
    expect(await say(plain, "for allowed")).toContain(`GET /plain?q=1 for allowed.test:${port}`);
  });

  describe("where the daemon's environment names another", () => {
    let upstream: Server;
    let asked: string[];
    let env: Record<string, string>;
    let answer: string;

    beforeEach(async () => {
      [asked, answer] = [[], "200 Fine"];
      // Leads everything to the server of the test, as a company's proxy finds what machines behind it cannot look up.
      upstream = createServer((request, response) => {
        asked.push(`${request.method} ${request.url} ${request.headers["proxy-authorization"]}`);
        const { pathname: path, host } = new URL(request.url!);
        httpRequest({ port, path, headers: { host } }, (found) => found.pipe(response)).end();
      });
      upstream.on("connect", (request, client) => {
        asked.push(`CONNECT ${request.url} ${request.headers["proxy-authorization"]}`);
        client.write(`HTTP/1.1 ${answer}\r\n\r\n`);
        const far = connect(port);
        client.pipe(far).pipe(client);
        client.on("error", () => far.destroy());
      });
      await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
      const url = `http://me:secret@127.0.0.1:${(upstream.address() as AddressInfo).port}`;
      env = { HTTPS_PROXY: url, http_proxy: url };
    });
    afterEach(async () => {
      upstream.closeAllConnections();
      await new Promise((resolve) => upstream.close(resolve));
    });

    const login = `Basic ${Buffer.from("me:secret").toString("base64")}`;
    const unknown = { lookup: () => Promise.reject(new Error("no such name")) };

    test("what is listed goes through it, tunnels and requests, also where the name cannot be looked up here", async () => {
      await open({ env, ...unknown });
      expect(await say(tunnel(`allowed.test:${port}`), "for x")).toMatch(/^HTTP\/1\.1 200 [^]*GET \/inside for x/);
      const plain = `GET http://allowed.test:${port}/plain HTTP/1.1\r\nhost: x\r\nproxy-authorization: mine\r\nconnection: close\r\n\r\n`;
      expect(await say(plain, "for allowed")).toContain(`GET /plain for allowed.test:${port}`);
      expect(asked).toEqual([
        `CONNECT allowed.test:${port} ${login}`,
        `GET http://allowed.test:${port}/plain ${login}`,
      ]);
    });

    test("it hears nothing of what is not listed, or leads to this machine", async () => {
      await open({ env });
      expect(await say(tunnel("other.test:443"))).toMatch(/^HTTP\/1\.1 403 /);
      expect(await say(tunnel(`near.test:${port}`))).toMatch(/^HTTP\/1\.1 403 /);
      expect(asked).toEqual([]);
    });

    test("nothing more is said to it on a connection that it has refused", async () => {
      answer = "407 Who are you";
      await open({ env, ...unknown });
      const twice = tunnel(`allowed.test:${port}`) + tunnel("other.test:443");
      expect(await say(twice)).toMatch(/^HTTP\/1\.1 502 [^]*answered 407 Who are you\n$/);
      expect(asked).toHaveLength(1);
    });
  });
});

describe("which proxy of an environment is meant", () => {
  const [one, two] = ["http://one:8080/", "http://two/"];
  const to = { host: "a.example", port: 443 };

  test.each([
    [{}, undefined],
    [{ HTTPS_PROXY: one, HTTP_PROXY: two }, one],
    [{ https_proxy: one, HTTPS_PROXY: two }, one],
    [{ HTTPS_PROXY: "one:8080" }, one],
    [{ ALL_PROXY: one }, one],
    [{ ALL_PROXY: "socks5://one:1080" }, undefined],
    [{ HTTPS_PROXY: one, NO_PROXY: "b.example" }, one],
    [{ HTTPS_PROXY: one, NO_PROXY: "b.example, .example" }, undefined],
    [{ HTTPS_PROXY: one, NO_PROXY: "ample" }, one],
    [{ HTTPS_PROXY: one, NO_PROXY: "a.example:80" }, one],
    [{ HTTPS_PROXY: one, no_proxy: "*" }, undefined],
  ])("%j: %s", (env: Record<string, string>, expected) => {
    expect(upstreamFor(env, "https", to)?.href).toBe(expected);
  });
});
