import type { Diagnosis, NodeContext } from "../../../../src/core/node.ts";
import type { Plan } from "../../../../src/core/plan.ts";
import type { RobotModel } from "../../../../src/core/robot.ts";
import { imageToMessage, jointStateToMessage, type RosMessages } from "../../../../src/messages/index.ts";
import type { ActingModel } from "../../../../src/nodes/world-model/acting-model.ts";
import { PolicyLoop } from "../../../../src/nodes/world-model/policy-loop.ts";
import { plainPlan } from "../../../support/plain-plan.ts";
import { sampleManifest } from "../../../support/sample-bundle.ts";

const PERIOD_NS = 1e8;
const INTAKE = { pairingToleranceMs: 25, commandRateHz: 100, frozenMotion: 0.05, beliefObservations: 4 };
const LIMITS = { lower: -3, upper: 3, velocity: 1, acceleration: 5 };
const ROBOT: RobotModel = {
  name: "arm",
  commandInterface: "velocity",
  joints: ["j1", "j2"].map((name) => ({ name, limits: LIMITS })),
};

/** The policy loop over a clock of its own and a live model whose steps the test scripts. */
export class LoopRig {
  nowNs = 1e12;
  /** What the next steps do; they plan from the start. */
  step: () => Promise<Plan | undefined> = async () => this.plan();
  /** What bringing the model back does. */
  revive: () => Promise<void> = async () => {};
  steps = 0;
  readonly continuedFrom: number[] = [];
  readonly log: string[] = [];
  readonly loop: PolicyLoop;
  readonly #heard = new Map<string, (message: unknown, info: object) => void>();
  #diagnose: (() => Diagnosis) | undefined;
  #plans = 0;

  constructor() {
    const say = (level: string) => (message: string) => this.log.push(`${level}: ${message}`);
    const context = {
      clock: { monotonicNs: () => this.nowNs, rosNs: () => BigInt(this.nowNs) },
      log: { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") },
      publisher: () => ({ publish: () => {} }),
      subscribe: (topic: string, _type: string, onMessage: (message: unknown, info: object) => void) =>
        this.#heard.set(topic, onMessage),
      diagnose: (_task: string, report: () => Diagnosis) => {
        this.#diagnose = report;
      },
    } as unknown as NodeContext<RosMessages>;
    const live = {
      bundle: { manifest: sampleManifest(), modelHash: "abc" },
      step: {
        run: () => {
          this.steps++;
          return this.step();
        },
        reflect: async () => {},
        continueFrom: ({ id }: Plan) => this.continuedFrom.push(id),
      },
      begin: () => {},
      revive: () => this.revive(),
    } as unknown as ActingModel;
    this.loop = new PolicyLoop(context, live, { ...INTAKE, robot: ROBOT });
    this.loop.setActive(true);
  }

  plan(): Plan {
    return plainPlan([[0, 0]], { id: ++this.#plans, startNs: this.nowNs });
  }

  /** A policy period passes; then joints and camera are heard, and the step that this begins goes as far as it can. */
  async see(positions: readonly number[] = [0, 0]): Promise<void> {
    this.nowNs += PERIOD_NS;
    const stampNs = BigInt(this.nowNs);
    const info = { sourceStampNs: stampNs, receivedStampNs: stampNs, receivedNs: this.nowNs };
    const joints = { positions: Float64Array.from(positions), velocities: new Float64Array(2), stampNs, arrivalNs: 0 };
    this.#heard.get("joint_states")?.(jointStateToMessage(ROBOT, joints), info);
    const image = { encoding: "rgb8", width: 8, height: 8, stride: 24, data: new Uint8Array(192), stampNs } as const;
    this.#heard.get("scene/image_model")?.(imageToMessage(image, "scene"), info);
    await new Promise(setImmediate);
  }

  get diagnosis(): Diagnosis {
    return this.#diagnose!();
  }
}
