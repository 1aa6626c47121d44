// Loaded before the daemon (`node --import`) in a chaos run. The wall clock stands where the file $CHAOS_CLOCK says, in
// milliseconds off the real one, and jumps when that changes; what is monotonic stays as it is, as when a person sets the clock.
// On SIGUSR2 garbage is collected, and what is in use then is written to $CHAOS_MEMORY: only so can it be told from what Node.js
// has not cleared away yet.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const { CHAOS_CLOCK: clock, CHAOS_MEMORY: memory } = process.env;
const RealDate = Date;
let offsetMs = 0;

function look() {
  try {
    offsetMs = Number(readFileSync(clock, "utf8")) || 0;
  } catch {
    offsetMs = 0;
  }
}

if (clock) {
  look();
  setInterval(look, 50).unref();
  const realNow = RealDate.now.bind(RealDate);
  globalThis.Date = class Date extends RealDate {
    constructor(...args) {
      if (args.length === 0) super(realNow() + offsetMs);
      else super(...args);
    }
    static now() {
      return realNow() + offsetMs;
    }
  };
}

if (memory) {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  async function measure() {
    // What a first collection lets go of outside of the heap is only freed by a later one.
    for (let round = 0; round < 3; round++) {
      collect();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { heapUsed, external } = process.memoryUsage();
    writeFileSync(`${memory}.new`, JSON.stringify({ bytes: heapUsed + external }));
    renameSync(`${memory}.new`, memory);
  }
  process.on("SIGUSR2", () => void measure());
}
