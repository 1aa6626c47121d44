/** What files take of the machine's memory, in the folders of a sandbox that are kept there (tmpfs(5)); Linux only. */
import { statfs } from "node:fs/promises";

/** In bytes, of folders by the paths that a process knows; nothing for a process that has ended, or may not be looked at. */
export async function bytesOfFilesIn(folders: readonly string[], pid: number): Promise<number> {
  const sizes = folders.map(async (folder) => {
    const { bsize, blocks, bfree } = await statfs(`/proc/${pid}/root${folder}`);
    return (blocks - bfree) * bsize;
  });
  const settled = await Promise.allSettled(sizes);
  return settled.reduce((sum, one) => sum + (one.status === "fulfilled" ? one.value : 0), 0);
}
