// Writes 64 MiB to stdout as fast as it is taken.
const block = Buffer.alloc(64 * 1024, "x");
let left = 1024;
function write() {
  while (left-- > 0) {
    if (process.stdout.write(block)) continue;
    process.stdout.once("drain", write);
    return;
  }
}
write();
