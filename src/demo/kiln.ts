/**
 * The folder the demo works in: three short notes of a pottery workshop in a temporary folder. Only this file knows what is
 * in them; the demo agents find out by reading.
 */
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const notes: Readonly<Record<string, string>> = {
  "firing.md": `# Firing log

## Bisque, Monday
Twelve bowls and the tall jug went in. The kiln reached 1000 degrees after seven hours.
One bowl cracked at the foot.

TODO: order new cones before the next firing (Ines)

## Glaze, Thursday
The lower shelf stays forty degrees colder than the upper one.

TODO: measure the lower shelf again with the second probe
`,
  "glazes.md": `# Glazes

## Ash
Two parts wood ash, one part clay. Runs when it is thick, so leave a finger of bare clay at the foot.

## Tin white
Covers red clay in two coats. The tin is nearly used up.

TODO: buy tin oxide, two kilograms (Marek)
`,
  "market.md": `# Spring market

The stall is ours from eight to four. Bowls sell best, jugs are looked at.

## Prices
Small bowl 18, large bowl 32, jug 45.

TODO: paint a new sign (Ines)
TODO: ask the neighbour for the long table
`,
};

export interface DemoKiln extends AsyncDisposable {
  /** Absolute path without symlinks. */
  readonly folder: string;
  /** Names of the notes in it. */
  readonly notes: readonly string[];
  /** Takes the folder away with all that was written there. */
  remove(): Promise<void>;
}

export async function createDemoKiln(): Promise<DemoKiln> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "crucible-demo-kiln-")));
  for (const [name, content] of Object.entries(notes)) await writeFile(join(folder, name), content);
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  return { folder, notes: Object.keys(notes), remove, [Symbol.asyncDispose]: remove };
}
