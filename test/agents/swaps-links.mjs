// Swaps what stands at a path, as fast as it can, until it is ended: a folder for a link that leads to another, and back.
// usage: swaps-links.mjs PATH TARGET (a folder must stand at PATH)
import { renameSync, symlinkSync, unlinkSync } from "node:fs";

const [path, target] = process.argv.slice(2);
process.stdout.write("swapping\n");
for (;;) {
  renameSync(path, `${path}.aside`);
  symlinkSync(target, path);
  unlinkSync(path);
  renameSync(`${path}.aside`, path);
}
