// Changes a folder at random, as fast as it can, until it is ended: folders, files, and links that lead about in it and out of it.
// usage: stirs-tree.mjs FOLDER OUTSIDE NAME...
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [root, outside, ...names] = process.argv.slice(2);
const one = (list) => list[Math.floor(Math.random() * list.length)];
// Never through a link of its own: what it changes is what lies in the folder.
const place = () => join(root, one(names));

const deeds = [
  (at) => mkdirSync(at),
  (at) => writeFileSync(at, "inside", { flag: "wx" }),
  (at) => symlinkSync(outside, at),
  (at) => symlinkSync(join(outside, "file"), at),
  (at) => symlinkSync(one([".", "..", ...names]), at),
  (at) => rmSync(at, { recursive: true }),
  (at) => renameSync(at, place()),
];

process.stdout.write("stirring\n");
for (;;) {
  try {
    one(deeds)(place());
  } catch {
    // It does not fit at this moment; the next one may.
  }
}
