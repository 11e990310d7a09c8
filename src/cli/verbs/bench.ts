import { Command } from "commander";
import { LatentloopError } from "../../core/errors.ts";
import { SUITES } from "../bench/index.ts";
import { commentary, printResult } from "../output.ts";

/** `latentloop bench <suite>`: our figures, each beside its baseline, in one run. */
export function benchCommand(): Command {
  const suites = Object.entries(SUITES).map(([name, { title }]) => `  ${name.padEnd(10)} ${title}`);
  return new Command("bench")
    .description("measure this machine, each figure beside a named baseline in the same run")
    .argument("<suite>", `one of ${Object.keys(SUITES).join(", ")}`)
    .option("--seconds <n>", "how long to measure", Number)
    .option("--json", "print one JSON object as the last line of stdout", false)
    .addHelpText("after", `\nSuites:\n${suites.join("\n")}`)
    .action(async (name: string, options: { seconds?: number; json: boolean }) => {
      const suite = SUITES[name];
      if (suite === undefined) {
        throw new LatentloopError("ERR_INVALID_ARGUMENT", `Expected a bench suite but received "${name}".`, {
          remedy: `Known suites: ${Object.keys(SUITES).join(", ")}.`,
        });
      }
      const run = await suite.load();
      const log = commentary(options.json);
      const result = await run({ log, ...(options.seconds === undefined ? {} : { seconds: options.seconds }) });
      printResult(result, "Every figure as one JSON object: --json.", options.json);
    });
}
