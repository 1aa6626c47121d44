/** What is told of a configuration file that is no longer what was read from it. */
import { rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { changeSince } from "../../../src/config/change.ts";
import { loadWithOrigins } from "../../../src/config/load.ts";
import type { ConfigRequest } from "../../../src/config/locate.ts";
import { configFolder } from "./config-folder.ts";

/** Reads what counts now; the answer tells later what is different. */
function read(request: ConfigRequest): () => string | undefined {
  const { config, text } = loadWithOrigins(request);
  return () => changeSince({ file: config.file, text }, request);
}

const byDefault = ".config/crucible/crucible.toml";

test("nothing of a file that stands as it stood, whatever its time, and of none that is still not there", () => {
  const folder = configFolder();
  expect(read(folder.request())()).toBeUndefined();
  const file = folder.write(byDefault, "[kiln]\n");
  const changed = read(folder.request());
  utimesSync(file, 1, 1);
  expect(changed()).toBeUndefined();
  folder.write("crucible.toml", "[acp]\n");
  expect(changed()).toBeUndefined();
});

test("a file that has other words now, is gone, or cannot be read", () => {
  const folder = configFolder();
  const file = folder.write(byDefault, "[kiln]\n");
  const changed = read(folder.request());
  folder.write(byDefault, "[kilm]\n");
  expect(changed()).toBe(`${file} has changed since the daemon read it`);
  folder.write(byDefault, Uint8Array.of(0xff));
  expect(changed()).toContain(`cannot read the configuration file ${file}: it is not UTF-8 text`);
  rmSync(file);
  expect(changed()).toBe(`${file} is gone since the daemon read it`);
});

test("a file that was named and is not there any more", () => {
  const folder = configFolder();
  const file = folder.write("own.toml", "");
  const changed = read(folder.request({ file }));
  rmSync(file);
  expect(changed()).toContain(`${file}, named by --config, does not exist`);
});

test("a file that counts now, and was not there", () => {
  const folder = configFolder();
  const without = read(folder.request());
  folder.write("crucible.toml", "");
  const withLocal = read(folder.request({ handStarted: true }));
  expect(withLocal()).toBeUndefined();
  folder.write(byDefault, "");
  const told = `${join(folder.root, byDefault)} was not there when the daemon read its configuration`;
  expect([without(), withLocal()]).toEqual([told, told]);
});
