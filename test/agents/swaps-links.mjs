// Swaps what stands at a path, as fast as it can, until it is ended: a folder for a link that leads to another, and back. Now and
// then it rests a moment with the folder in its place, so that whoever works there is not always too slow.
// usage: swaps-links.mjs PATH TARGET (a folder must stand at PATH)
import { renameSync, symlinkSync, unlinkSync } from "node:fs";

const swapsInARow = 100;
const longestRestMs = 20;

const [path, target] = process.argv.slice(2);
const rest = new Int32Array(new SharedArrayBuffer(4));
process.stdout.write("swapping\n");
for (;;) {
  for (let swap = 0; swap < swapsInARow; swap++) {
    renameSync(path, `${path}.aside`);
    symlinkSync(target, path);
    unlinkSync(path);
    renameSync(`${path}.aside`, path);
  }
  Atomics.wait(rest, 0, 0, Math.random() * longestRestMs);
}
