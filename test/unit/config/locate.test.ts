import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../../src/config/load.ts";
import { maxConfigBytes } from "../../../src/config/read-file.ts";
import { locateConfig } from "../../../src/config/locate.ts";
import { configFolder, errorOf } from "./config-folder.ts";

describe("the file that counts", () => {
  test("is --config, else $CRUCIBLE_CONFIG, else the one in $XDG_CONFIG_HOME, else ./crucible.toml of a hand-started serve", () => {
    const folder = configFolder();
    const option = folder.write("option.toml", "");
    const variable = folder.write("variable.toml", "");
    const standard = folder.write("xdg/crucible/crucible.toml", "");
    const local = folder.write("project/crucible.toml", "");
    const cwd = join(folder.root, "project");
    const env = { XDG_CONFIG_HOME: join(folder.root, "xdg") };
    const named = { ...env, CRUCIBLE_CONFIG: "~/variable.toml" };

    const located = (facts: object) => locateConfig(folder.request({ cwd, handStarted: true, ...facts }));
    expect(located({ file: "../option.toml", env: named })).toEqual({ file: option, because: "--config" });
    expect(located({ env: named })).toEqual({ file: variable, because: "$CRUCIBLE_CONFIG" });
    expect(located({ env })).toEqual({ file: standard, because: "default" });
    expect(located({ env: {} })).toEqual({ file: local, because: "./crucible.toml" });
    expect(located({ env: { CRUCIBLE_CONFIG: "" } })).toEqual({ file: local, because: "./crucible.toml" });
  });

  test("is never one in the opened project when an editor started the daemon", () => {
    const folder = configFolder();
    folder.write("crucible.toml", "not even toml");
    expect(locateConfig(folder.request({ handStarted: false }))).toBeUndefined();
    expect(loadConfig(folder.request({ handStarted: false })).file).toBeUndefined();
  });

  test("must exist when it is named, whatever else there is", () => {
    const folder = configFolder();
    folder.write(".config/crucible/crucible.toml", "");
    const byOption = errorOf(() => loadConfig(folder.request({ file: "missing.toml" })));
    expect(byOption.code).toBe("CRU_CONFIG_NOT_FOUND");
    expect(byOption.exitCode).toBe(4);
    expect(byOption.message).toContain(join(folder.root, "missing.toml"));
    const byVariable = errorOf(() => loadConfig(folder.request({ env: { CRUCIBLE_CONFIG: "/no/such/file" } })));
    expect(byVariable.code).toBe("CRU_CONFIG_NOT_FOUND");
    expect(byVariable.message).toContain("$CRUCIBLE_CONFIG");
  });
});

describe("a file that cannot be a configuration", () => {
  test("is refused with the reason", () => {
    const folder = configFolder();
    mkdirSync(join(folder.root, "directory"));
    folder.write("largest.toml", `#${"x".repeat(maxConfigBytes - 1)}`);
    folder.write("large.toml", `#${"x".repeat(maxConfigBytes)}`);
    folder.write("latin1.toml", Buffer.from([0x23, 0xe4, 0x0a]));
    execFileSync("mkfifo", [join(folder.root, "pipe")]);
    loadConfig(folder.request({ file: "largest.toml" }));
    for (const [file, reason] of [
      ["directory", "it is a directory"],
      ["large.toml", "at most 1.0 MiB"],
      ["latin1.toml", "not UTF-8"],
      ["pipe", "not a regular file"],
    ] as const) {
      const error = errorOf(() => loadConfig(folder.request({ file })));
      expect(error.code).toBe("CRU_CONFIG_UNREADABLE");
      expect(error.message).toContain(reason);
      expect(error.hint).toBeTruthy();
    }
  });

  test("is refused in its usual place too, instead of being passed over", () => {
    const folder = configFolder();
    mkdirSync(join(folder.root, ".config/crucible/crucible.toml"), { recursive: true });
    expect(errorOf(() => loadConfig(folder.request())).code).toBe("CRU_CONFIG_UNREADABLE");
  });

  test("is not one with a byte order mark", () => {
    const folder = configFolder();
    const file = folder.write("bom.toml", "\ufeff[acp]\nnpx = 1\n");
    const error = errorOf(() => loadConfig(folder.request({ file })));
    expect(error.message).toContain("bom.toml:2:7:");
  });
});
