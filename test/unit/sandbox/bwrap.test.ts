/** The command line of bubblewrap: what is mounted, in which order, and what is never there. Nothing is started. */
import { describe, expect, test } from "vitest";
import type { Reach } from "../../../src/sandbox/confinement.ts";
import { bwrapArguments, maxTemporaryBytes, type BwrapRequest } from "../../../src/sandbox/bwrap.ts";

const reach: Reach = {
  writable: ["/home/u/src/app", "/home/u/.local/state/crucible/homes/claude"],
  readable: ["/home/u/.nvm"],
  readOnlyKiln: [],
  hidden: [{ path: "/home/u/.local/state/crucible", isFolder: true }],
  links: [{ path: "/home/u/link", target: "src" }],
  cwd: "/home/u/src/app",
  folders: ["/home/u"],
  network: "open",
};

function argumentsFor(change: Partial<Reach> = {}, request: Partial<BwrapRequest> = {}): string {
  return bwrapArguments({
    reach: { ...reach, ...change },
    host: { readable: [{ path: "/usr", source: "/usr" }], links: [{ path: "/bin", target: "usr/bin" }] },
    abilities: { size: true, bindDescriptor: true },
    asRoot: false,
    opened: new Map(),
    toolSockets: undefined,
    ...request,
  }).join(" ");
}

describe("an ordinary user", () => {
  test("gets namespaces of its own, and the kiln, the private home and the program alone", () => {
    const line = argumentsFor();
    expect(line).toContain("--unshare-user --unshare-pid --unshare-ipc --unshare-uts");
    expect(line).toContain("--die-with-parent");
    expect(line).toContain("--bind /home/u/src/app /home/u/src/app");
    expect(line).toContain("--ro-bind /home/u/.nvm /home/u/.nvm");
    expect(line).toContain("--symlink src /home/u/link");
    expect(line).toMatch(/--remount-ro \/ --chdir \/home\/u\/src\/app$/);
    expect(line).not.toMatch(/--(?:ro-)?bind \/home\/u /);
    expect(line).not.toContain("--unshare-net");
    expect(line).not.toContain("--cap-drop");
  });

  test("has no network where it is closed", () => {
    expect(argumentsFor({ network: "closed" })).toContain("--unshare-net");
  });
});

test("root gives up its capabilities, and what belongs to it in /proc is for reading", () => {
  const line = argumentsFor({}, { asRoot: true });
  expect(line).toContain("--cap-drop ALL");
  for (const path of ["/proc/sys", "/proc/sysrq-trigger"]) expect(line).toContain(`--ro-bind-try ${path} ${path}`);
  expect(line.indexOf("--proc /proc")).toBeLessThan(line.indexOf("--ro-bind-try /proc/sys"));
});

describe("a kiln that holds what is hidden", () => {
  const line = argumentsFor({ writable: ["/home/u", "/home/u/.local/state/crucible/homes/claude"] });

  test("is covered, below folders that cannot be renamed, before the private home is put into it", () => {
    const order = [
      "--bind /home/u /home/u",
      "--bind /home/u/.local /home/u/.local",
      "--bind /home/u/.local/state /home/u/.local/state",
      "--tmpfs /home/u/.local/state/crucible",
      "--bind /home/u/.local/state/crucible/homes/claude",
    ].map((words) => line.indexOf(words));
    expect(order).not.toContain(-1);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  });

  test("is not written to where it is covered: that would be memory without a limit", () => {
    expect(line.indexOf("--remount-ro /home/u/.local/state/crucible ")).toBeGreaterThan(
      line.indexOf("--bind /home/u/.local/state/crucible/homes/claude"),
    );
  });

  test("has an empty file in place of a hidden one", () => {
    const hidden = [{ path: "/home/u/src/app/crucible.toml", isFolder: false }];
    expect(argumentsFor({ hidden })).toContain("--ro-bind /dev/null /home/u/src/app/crucible.toml");
  });
});

test("what is hidden and lies in nothing that is mounted needs no cover", () => {
  expect(argumentsFor()).not.toContain("--tmpfs /home/u/.local/state/crucible");
});

test("directories that were opened are mounted as they were then", () => {
  const opened = new Map([["/home/u/src/app", 3]]);
  expect(argumentsFor({}, { opened })).toContain("--bind-fd 3 /home/u/src/app");
});

test("all that is memory of the machine has a size, or is not written to", () => {
  const line = argumentsFor();
  for (const folder of ["/tmp", "/run", "/dev/shm"]) {
    expect(line).toContain(`--size ${maxTemporaryBytes} --tmpfs ${folder}`);
  }
  expect(line).toMatch(/--dev \/dev .* --remount-ro \/dev --remount-ro \/ /);
});

test("a version that cannot limit the size of /tmp is not asked to", () => {
  const line = argumentsFor({}, { abilities: { size: false, bindDescriptor: false } });
  expect(line).toContain("--tmpfs /tmp");
  expect(line).not.toContain("--size");
});

test("the sockets of tools stand in a folder of their own", () => {
  expect(argumentsFor({}, { toolSockets: "/run/u/d.sock.tools" })).toContain(
    "--ro-bind /run/u/d.sock.tools /run/crucible",
  );
});
