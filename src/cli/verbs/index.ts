import type { Command } from "commander";
import { benchCommand } from "./bench.ts";
import { doctorCommand } from "./doctor.ts";
import { evaluateCommand } from "./evaluate.ts";
import { imagineCommand } from "./imagine.ts";
import { modelsCommand } from "./models.ts";
import { trainCommand } from "./train.ts";

/** Every verb of `latentloop`, in the order of its help. */
export function verbs(): Command[] {
  return [modelsCommand(), doctorCommand(), trainCommand(), evaluateCommand(), imagineCommand(), benchCommand()];
}
