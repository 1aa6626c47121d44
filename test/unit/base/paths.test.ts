/** Where Crucible keeps its things: the same place for all of its programs, wherever they are started. */
import { userInfo } from "node:os";
import { expect, test } from "vitest";
import { defaultConfigFile, defaultSocketPath, homeDirectory, stateDirectory } from "../../../src/base/paths.ts";

test("the variables of the user count where they are absolute, and nowhere else", () => {
  const set = { HOME: "/h", XDG_CONFIG_HOME: "/c", XDG_STATE_HOME: "/s", XDG_RUNTIME_DIR: "/r" };
  expect(defaultConfigFile(set)).toBe("/c/crucible/crucible.toml");
  expect([stateDirectory(set), defaultSocketPath(set)]).toEqual(["/s/crucible", "/r/crucible/daemon.sock"]);
  for (const no of ["", "relative", undefined]) {
    const env = { HOME: "/h", XDG_CONFIG_HOME: no, XDG_STATE_HOME: no, XDG_RUNTIME_DIR: no };
    expect(defaultConfigFile(env)).toBe("/h/.config/crucible/crucible.toml");
    expect(stateDirectory(env)).toBe("/h/.local/state/crucible");
    expect(defaultSocketPath(env)).toBe("/h/.local/state/crucible/daemon.sock");
    expect(homeDirectory({ HOME: no })).toBe(userInfo().homedir);
  }
});
