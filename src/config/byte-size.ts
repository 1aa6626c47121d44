/** Sizes as people write them: `512MB`, `4GiB`, or a plain number of bytes. */

const powers = { K: 1, M: 2, G: 3 } as const;

/** Bytes of a size that the schema has accepted; `KiB` and `K` count in 1024, `KB` in 1000. */
export function byteCount(size: string | number | undefined): number | undefined {
  if (typeof size !== "string") return size;
  const [, amount, letter, suffix] = /^([\d.]+) ?([KMG])(B|iB)?$/.exec(size) ?? [];
  if (amount === undefined) throw new Error(`size ${size} was not checked`);
  return Math.round(Number(amount) * (suffix === "B" ? 1000 : 1024) ** powers[letter as keyof typeof powers]);
}
