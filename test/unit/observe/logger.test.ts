/** The log holds no secret, and nothing in it commands a terminal that shows it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { newToken } from "../../../src/base/ids.ts";
import { logFileMib, oldLogFiles, openLog } from "../../../src/observe/logger.ts";

test("what an agent wrote is in it as text, and a token is not", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cru-log-"));
  try {
    const log = openLog({ level: "trace", file: join(folder, "daemon.log"), stderr: false });
    const [token, said] = [newToken(), "\u001b[2J\u009b31m\u202eevil"];
    log.write("info", `it said ${said} and ${token}`, { line: said, env: { CRUCIBLE_SESSION_TOKEN: token } });
    await log.close();
    const text = readFileSync(log.file, "utf8");
    expect(text).not.toContain(token);
    // oxlint-disable-next-line no-control-regex -- that none is left is the point
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(JSON.parse(text)).toMatchObject({ line: said });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("it goes on in a new file when one is full, and the oldest of so many goes", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cru-log-"));
  try {
    const file = join(folder, "daemon.log");
    const size = (name: string): number => statSync(join(folder, name)).size;
    const full = logFileMib * 1024 * 1024;
    // Within one minute, more than so many.
    const rounds = Array.from({ length: 2 * oldLogFiles }, (_, index) => `round ${index}`);
    for (const round of rounds) {
      writeFileSync(file, `${round}\n`);
      // Full but for what is written next.
      truncateSync(file, full - 10);
      const log = openLog({ level: "info", file, stderr: false });
      log.write("info", "the last that fits");
      log.write("info", "the first of the next");
      await log.close();
    }
    const old = readdirSync(folder)
      .filter((name) => name.endsWith("-daemon.log"))
      .toSorted();
    expect(old).toHaveLength(oldLogFiles);
    expect(old.every((name) => size(name) >= full && size(name) < full + 1000)).toBe(true);
    const kept = old.map((name) => readFileSync(join(folder, name), "latin1").slice(0, "round 0".length));
    expect(kept).toEqual(rounds.slice(-oldLogFiles));
    expect(readFileSync(file, "utf8")).toMatch(/^.*the first of the next.*\n$/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
