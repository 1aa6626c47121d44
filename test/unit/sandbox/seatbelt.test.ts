/** The profile for macOS, as text: it is not run on a Mac. */
import { expect, test } from "vitest";
import type { Reach } from "../../../src/sandbox/confinement.ts";
import { seatbeltProfile } from "../../../src/sandbox/seatbelt.ts";

const reach: Reach = {
  writable: ["/Users/u/app", "/Users/u/state/homes/p"],
  readable: ["/Users/u/.nvm"],
  readOnlyKiln: [],
  hidden: [{ path: "/Users/u/state", isFolder: true }],
  links: [],
  cwd: "/Users/u/app",
  folders: [],
  network: "open",
};

test("everything is denied that is not named, and the state folder but for the private home", () => {
  const lines = seatbeltProfile(reach, "/run/tools").split("\n");
  expect(lines.slice(0, 2)).toEqual(["(version 1)", "(deny default)"]);
  const denied = lines.indexOf('(deny file-read* file-write* (subpath "/Users/u/state"))');
  expect(denied).toBeGreaterThan(2);
  expect(lines[denied + 1]).toBe('(allow file-read* (subpath "/Users/u/state/homes/p"))');
  expect(lines[denied + 2]).toBe('(allow file-write* (subpath "/Users/u/state/homes/p"))');
  expect(lines).toContain("(allow network*)");
});

test("a closed network leaves the sockets of the tools, and quotes in paths stay in their text", () => {
  const text = seatbeltProfile({ ...reach, writable: ['/Users/u/a"b'], network: "closed" }, "/run/tools");
  expect(text).toContain('(allow network-outbound (subpath "/run/tools"))');
  expect(text).not.toContain("(allow network*)");
  expect(text).toContain('(subpath "/Users/u/a\\"b")');
});
