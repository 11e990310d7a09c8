import type { Command } from "commander";
import { benchCommand } from "./bench.ts";

/** Every verb of `latentloop`, in the order of its help. */
export function verbs(): Command[] {
  return [benchCommand()];
}
