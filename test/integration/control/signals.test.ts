import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { twoJoints } from "../../unit/safety/robots.ts";

const program = fileURLToPath(new URL("./programs/moving-robot.js", import.meta.url));
const PERIOD_S = 0.01;

/** Sends the signal at the first line that begins so, and returns the commands that the program sent to its robot. */
async function commandsOf(signal: NodeJS.Signals, at: string): Promise<number[][]> {
  const child = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "inherit"] });
  let last = "";
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith(at)) child.kill(signal);
    last = line;
  }
  return (JSON.parse(last) as { commands: number[][] }).commands;
}

for (const [signal, at] of [
  ["SIGINT", "starting"],
  ["SIGTERM", "armed"],
  ["SIGINT", "moving"],
] as const) {
  test(`${signal} while ${at}: every joint brakes within its limits and ends at rest`, async () => {
    const commands = await commandsOf(signal, at);
    const { joints } = twoJoints("position");
    for (const [j, { limits }] of joints.entries()) {
      let velocity = 0;
      for (let i = 1; i < commands.length; i++) {
        const next = (commands[i]![j]! - commands[i - 1]![j]!) / PERIOD_S;
        assert.ok(Math.abs(next - velocity) <= limits.acceleration * PERIOD_S + 1e-9, `joint ${j}, command ${i}`);
        velocity = next;
      }
      assert.ok(Math.abs(velocity) < 1e-9, `joint ${j} still moves at ${velocity}`);
    }
    if (at === "moving") assert.ok(commands.length > 20); // a signal that comes early may still be late for the first ones
  });
}
