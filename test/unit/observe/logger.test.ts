/** The log holds no secret, and nothing in it commands a terminal that shows it. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { newToken } from "../../../src/base/ids.ts";
import { openLog } from "../../../src/observe/logger.ts";

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
