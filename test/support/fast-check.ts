/** fast-check, whose samples are made of the seed of the tests. */
import { configureGlobal } from "fast-check";
import { seed } from "./seed.ts";

configureGlobal({ seed });

export * from "fast-check";
