/** A disk that is full, as far as a process can tell: the system lets its files grow so far and no further. */
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createBus } from "../../src/observe/bus.ts";
import type { StoreHealth } from "../../src/sessions/records.ts";
import { openStore } from "../../src/sessions/store.ts";

const built = join(import.meta.dirname, "../../dist");

/** Writes 50 records of 100 kB each and says what can be read of them then. */
const program = `
  import { openStore } from "${built}/sessions/store.js";
  import { createBus } from "${built}/observe/bus.js";
  const bus = createBus();
  const warnings = [];
  bus.on("warning", ({ message }) => warnings.push(message));
  const store = openStore(process.argv[1], bus);
  const from = "x".repeat(100_000);
  for (let number = 1; number <= 50; number++) {
    store.saveHandoff({ sessionId: "s", number, from, agent: "b", beganAt: 1, endedAt: null });
  }
  console.log(JSON.stringify({ read: store.handoffsOf("s").length, health: store.health, warnings }));
  store.close();`;

test("what does not fit stays readable, the status says so, and what did fit is whole", async () => {
  const folder = await mkdtemp(join(tmpdir(), "cru-store-"));
  try {
    // 4000 blocks are 2 or 4 MB, as the shell counts.
    const words = ["-c", 'ulimit -f 4000; exec "$@"', "sh", process.execPath, "--input-type=module", "-e", program];
    const said = execFileSync("/bin/sh", [...words, "--", folder], { encoding: "utf8" });
    const { read, health, warnings } = JSON.parse(said) as { read: number; health: StoreHealth; warnings: string[] };
    expect(read).toBe(50);
    expect(health).toMatchObject({ degradedSince: expect.any(Number), lost: 0 });
    expect(warnings).toEqual([expect.stringMatching(/cannot be written .*memory only/)]);

    const store = openStore(folder, createBus());
    try {
      const kept = store.handoffsOf("s");
      expect(kept.length).toBeGreaterThan(0);
      expect(kept.length).toBeLessThan(50);
      expect(kept.map(({ number }) => number)).toEqual(kept.map((_, index) => index + 1));
      expect(store.health.degradedSince).toBeNull();
    } finally {
      store.close();
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
