/** The environment inside a sandbox names nothing that is not there. */
import { expect, test } from "vitest";
import { environmentInside } from "../../../src/sandbox/environment.ts";

const reach = { writable: ["/tmp"], readable: [], readOnlyKiln: [], hidden: [], links: [], cwd: "/tmp", folders: [] };
const env = {
  HTTPS_PROXY: "http://proxy.example:8080",
  all_proxy: "x",
  NO_PROXY: "a",
  TMPDIR: "/var/elsewhere",
  KEPT: "1",
};

test.each([
  ["open", { HTTPS_PROXY: "http://proxy.example:8080", all_proxy: "x", NO_PROXY: "a", KEPT: "1" }],
  ["closed", { NO_PROXY: "a", KEPT: "1" }],
] as const)("with a network that is %s", (network, expected) => {
  const inside = environmentInside(env, { reach: { ...reach, network }, home: "/tmp", userHome: "/home/me" });
  expect(inside).toEqual({ ...expected, HOME: "/tmp", PWD: "/tmp" });
});
