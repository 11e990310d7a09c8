import type { Command } from "commander";
import { benchCommand } from "./bench.ts";
import { callCommand } from "./call.ts";
import { collectCommand } from "./collect.ts";
import { curveCommand } from "./curve.ts";
import { demoCommand } from "./demo.ts";
import { doctorCommand } from "./doctor.ts";
import { evaluateCommand } from "./evaluate.ts";
import { imagineCommand } from "./imagine.ts";
import { keysCommand } from "./keys.ts";
import { modelsCommand } from "./models.ts";
import { replayCommand } from "./replay.ts";
import { rosCommand } from "./ros.ts";
import { simCommand } from "./sim.ts";
import { trainCommand } from "./train.ts";
import { upCommand } from "./up.ts";

/** Every verb of `latentloop`, in the order of its help. */
export function verbs(): Command[] {
  return [
    demoCommand(),
    upCommand(),
    callCommand(),
    simCommand(),
    collectCommand(),
    trainCommand(),
    curveCommand(),
    evaluateCommand(),
    imagineCommand(),
    replayCommand(),
    modelsCommand(),
    keysCommand(),
    doctorCommand(),
    benchCommand(),
    rosCommand(),
  ];
}
