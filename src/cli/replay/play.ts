import { Command } from "commander";
import { NodeHost } from "../../nodes/host/node-host.ts";
import { playBag } from "../../nodes/playback.ts";
import { BagReader } from "../../replay/bag-reader.ts";
import { positive } from "../flags.ts";
import { commentary, printResult } from "../output.ts";
import { printLog } from "../print-log.ts";
import { untilStopped } from "../stop-signal.ts";

interface PlayFlags {
  readonly speed: number;
  readonly topics?: string;
  readonly commands: boolean;
  readonly bind?: string;
  readonly keys?: string;
  readonly json: boolean;
}

export function playCommand(): Command {
  return new Command("play")
    .description("publish a bag's messages again, with the distances in time that they had")
    .argument("<bag>", "a bag's folder, or an .mcap file")
    .option("--speed <factor>", "1 as recorded, 2 twice as fast", positive, 1)
    .option("--topics <names>", "only these, separated by commas")
    .option("--commands", "also topics that move a robot", false)
    .option("--bind <endpoint>", "ZeroMQ endpoint where other processes find it, e.g. tcp://127.0.0.1:7447")
    .option("--keys <file>", "this host's keys, when other hosts are to hear it")
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(play);
}

async function play(path: string, flags: PlayFlags): Promise<void> {
  await untilStopped((signal) => playUntil(signal, path, flags));
}

async function playUntil(
  signal: AbortSignal,
  path: string,
  { speed, topics, commands, bind, keys, json }: PlayFlags,
): Promise<void> {
  const log = commentary(json);
  const bag = await BagReader.open(path);
  const launch = {
    name: `playback of ${path}`,
    nodes: [],
    peers: [],
    plainTcp: false,
    ...(bind === undefined ? {} : { bind }),
    ...(keys === undefined ? {} : { keys }),
  };
  const host = await NodeHost.start(launch, { onLog: printLog(log) });
  try {
    const result = await playBag(bag, host.context, {
      speed,
      commands,
      signal,
      ...(topics === undefined ? {} : { topics: topics.split(",") }),
    });
    const { messages, seconds, meanLateMs, worstLateMs, leftOut } = result;
    const played = `Played ${messages} messages of ${seconds.toFixed(1)} s, ${meanLateMs.toFixed(2)} ms late in the mean and ${worstLateMs.toFixed(1)} ms at most.`;
    const rest = leftOut.length > 0 ? `\nLeft out: ${leftOut.join(", ")}` : "";
    printResult(result, played + rest, json);
  } finally {
    await host.stop();
    await bag.close();
  }
}
