import { z } from "zod";
import { actionChange } from "./action-change.ts";
import { contract } from "./contract.ts";
import { finiteWeights } from "./finite-weights.ts";
import type { Gate } from "./gate.ts";
import { latency } from "./latency.ts";
import { parity } from "./parity.ts";
import { kStep, oneStep, reward } from "./prediction.ts";

/** Every gate, in the order they are passed: cheap and essential ones first. */
export const GATES: readonly Gate[] = [contract, finiteWeights, parity, latency, oneStep, kStep, reward, actionChange];

const enabled = z.boolean().default(true).describe("Whether the gate is asked.");

/** Parameters of all gates by name: what `gates` means in a configuration file. */
export const gatesSchema = z.strictObject(
  Object.fromEntries(GATES.map(({ name, parameters }) => [name, parameters.extend({ enabled }).prefault({})])),
);
export type GateSettings = z.output<typeof gatesSchema>;
