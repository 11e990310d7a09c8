import { Command } from "commander";
import { compareCommand, exportCommand, importCommand } from "../replay/convert.ts";
import { statsCommand, thumbnailsCommand } from "../replay/draw.ts";
import { infoCommand, recoverCommand, verifyCommand } from "../replay/inspect.ts";
import { playCommand } from "../replay/play.ts";
import { verifySessionCommand } from "../replay/verify-session.ts";

/** `latentloop replay …`: work with bags. */
export function replayCommand(): Command {
  return new Command("replay")
    .description("work with recordings: look into them, check, repair, play and convert them")
    .addCommand(infoCommand())
    .addCommand(verifyCommand())
    .addCommand(verifySessionCommand())
    .addCommand(recoverCommand())
    .addCommand(statsCommand())
    .addCommand(thumbnailsCommand())
    .addCommand(playCommand())
    .addCommand(exportCommand())
    .addCommand(importCommand())
    .addCommand(compareCommand());
}
