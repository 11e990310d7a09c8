import type { Command } from "commander";
import { benchCommand } from "./bench.ts";
import { doctorCommand } from "./doctor.ts";
import { modelsCommand } from "./models.ts";

/** Every verb of `latentloop`, in the order of its help. */
export function verbs(): Command[] {
  return [modelsCommand(), doctorCommand(), benchCommand()];
}
