import { Command } from "commander";
import { statsCommand, thumbnailsCommand } from "../replay/draw.ts";
import { infoCommand, recoverCommand, verifyCommand } from "../replay/inspect.ts";
import { playCommand } from "../replay/play.ts";

/** `latentloop replay …`: work with bags. */
export function replayCommand(): Command {
  return new Command("replay")
    .description("work with recordings: look into them, check, repair and play them")
    .addCommand(infoCommand())
    .addCommand(verifyCommand())
    .addCommand(recoverCommand())
    .addCommand(statsCommand())
    .addCommand(thumbnailsCommand())
    .addCommand(playCommand());
}
