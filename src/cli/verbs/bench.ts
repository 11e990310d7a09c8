import { Command } from "commander";
import { LatentloopError } from "../../core/errors.ts";
import { SUITES } from "../bench/index.ts";
import { notNegative, positiveInteger } from "../flags.ts";
import { commentary, printResult } from "../output.ts";

/** `latentloop bench <suite>`: our figures, each beside its baseline, in one run. */
export function benchCommand(): Command {
  const suites = Object.entries(SUITES).map(([name, { title }]) => `  ${name.padEnd(10)} ${title}`);
  return new Command("bench")
    .description("measure this machine, each figure beside a named baseline in the same run")
    .argument("<suite>", `one of ${Object.keys(SUITES).join(", ")}`)
    .option("--seconds <n>", "how long to measure", notNegative)
    .option("--count <n>", "how often, for suites that count: kills (kill), seeds (learn)", positiveInteger)
    .option("--json", "print one JSON object as the last line of stdout", false)
    .addHelpText("after", `\nSuites:\n${suites.join("\n")}`)
    .action(async (name: string, options: { seconds?: number; count?: number; json: boolean }) => {
      const suite = SUITES[name];
      if (suite === undefined) {
        throw new LatentloopError("ERR_INVALID_ARGUMENT", `Expected a bench suite but received "${name}".`, {
          remedy: `Known suites: ${Object.keys(SUITES).join(", ")}.`,
        });
      }
      const run = await suite.load();
      const { json, ...measured } = options;
      const result = await run({ log: commentary(json), ...measured });
      printResult(result, "Every figure as one JSON object: --json.", json);
    });
}
