import { Command, CommanderError } from "commander";
import { presentError } from "./present-error.ts";
import { verbs } from "./verbs/index.ts";

const program = new Command("latentloop")
  .description("Closes a robot's control loop through a learned latent world model.")
  .version(process.env.npm_package_version ?? "0.1.0")
  .showSuggestionAfterError()
  .exitOverride();

for (const verb of verbs()) program.addCommand(verb);
for (const command of [program, ...program.commands.flatMap((verb) => [verb, ...verb.commands])])
  command.exitOverride();

try {
  await program.parseAsync();
} catch (thrown) {
  if (thrown instanceof CommanderError) {
    process.exitCode = thrown.exitCode === 0 ? 0 : 2; // help and version end with 0, wrong use with 2
  } else {
    process.stderr.write(presentError(thrown));
    process.exitCode = 1;
  }
}
