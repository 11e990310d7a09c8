import { systemClock } from "../../../../src/core/clock.ts";
import { ControlHost } from "../../../../src/nodes/control/control-host.ts";
import { planAt } from "../../../unit/nodes/control/control-rig.ts";
import { patientSetup } from "./patient-setup.ts";

/**
 * A program that moves a robot until it is told to end, for tests that send it signals. It prints a line when it starts,
 * when it is armed and when it moves; at its end all commands as JSON.
 */
const clock = systemClock();
const actual = new Float64Array(2);
const commands: number[][] = [];
const host = new ControlHost({
  setup: patientSetup(),
  clock,
  onTick: (record) => {
    if (record.get("hasCommand") === 1) {
      actual.set(record.command);
      commands.push([...record.command]);
      if (commands.length === 20) process.stdout.write("moving\n");
    }
    feed();
  },
  onError: raise,
  onFailure: raise,
});

function raise(error: Error): never {
  throw error;
}

function feed(): void {
  const arrivalNs = clock.monotonicNs();
  host.beat();
  host.writeJointState({ positions: actual, velocities: new Float64Array(2), stampNs: 0n, arrivalNs });
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, async () => {
    await host.stop();
    process.stdout.write(`${JSON.stringify({ commands })}\n`, () => process.exit(0));
  });
}

process.stdout.write("starting\n");
await host.start();
feed();
const nowNs = clock.monotonicNs();
host.writePlan({ ...planAt(1, nowNs, Array(8).fill([0.5, 0.2])), stepPeriodNs: 60e9 }, nowNs);
process.stdout.write(`armed: ${await host.arm()}\n`);
