/** Memory and descriptors of the daemon over time, and whether they stay flat. Linux only: /proc is where they stand. */
import { readdirSync, readFileSync } from "node:fs";

export interface Sample {
  /** Milliseconds since the beginning of the run. */
  at: number;
  life: number;
  residentMb: number;
  descriptors: number;
  /** In use after a collection of garbage. Measured when nothing was under way and no editor was connected; else undefined. */
  usedMb: number | undefined;
}

/**
 * How much more a quiet daemon may have in use, and open, than when it was first quiet: one that was just started has yet to load
 * some 14 MB of what it works with. What little a session may leave is for the soak to find.
 */
const mostGrowthMb = 20;
const mostDescriptorsMore = 8;

/** Undefined when the process is gone. */
export function measure(pid: number): Pick<Sample, "residentMb" | "descriptors"> | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return {
      residentMb: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024,
      descriptors: readdirSync(`/proc/${pid}/fd`).length,
    };
  } catch {
    return undefined;
  }
}

/** What grew, in words; nothing if all is flat. Each life of the daemon is compared with its own first quiet moment. */
export function growth(samples: readonly Sample[]): string[] {
  const quiet = quietOf(samples);
  return [...new Set(quiet.map(({ life }) => life))].flatMap((life) => {
    const [first, ...later] = quiet.filter((sample) => sample.life === life);
    const last = later.at(-1);
    if (!first || !last) return [];
    const [mb, descriptors] = [last.usedMb - first.usedMb, last.descriptors - first.descriptors];
    return [
      ...(mb > mostGrowthMb ? [`memory in use grew by ${mb.toFixed(0)} MB between quiet moments of life ${life}`] : []),
      ...(descriptors > mostDescriptorsMore ? [`${descriptors} descriptors more at the end of life ${life}`] : []),
    ];
  });
}

export function quietOf(samples: readonly Sample[]): (Sample & { usedMb: number })[] {
  return samples.flatMap((sample) => (sample.usedMb === undefined ? [] : [{ ...sample, usedMb: sample.usedMb }]));
}

/** How much y grows for each x, by least squares. */
export function slope(points: readonly { x: number; y: number }[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [middle, level] = [mean(points.map(({ x }) => x)), mean(points.map(({ y }) => y))];
  const covariance = mean(points.map(({ x, y }) => (x - middle) * (y - level)));
  return covariance / mean(points.map(({ x }) => (x - middle) ** 2));
}
