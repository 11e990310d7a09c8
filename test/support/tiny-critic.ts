import {
  adam,
  add,
  buildStep,
  globalNorm,
  mean,
  mul,
  nn,
  type StepGraph,
  square,
  stopGradient,
  sub,
} from "../../src/graph/index.ts";
import type { BatchSource } from "../../src/learning/optimization/batches.ts";

const ROWS = 8;

/** A value network with a target copy, a policy with its own optimiser and a running scale: every kind of state that a step keeps. */
export function tinyCritic(updates?: number): StepGraph {
  return buildStep(
    {
      name: "tiny_critic",
      define(step) {
        const { parameters } = step;
        const [x, reward] = [step.field("x", [ROWS, 3]), step.field("reward", [ROWS, 1])];
        const value = (scope: typeof parameters) =>
          nn.mlp(scope.group("value").scope("value"), x, { hidden: [6], output: 1, normalization: nn.layerNorm });
        const wanted = stopGradient(add(reward, mul(value(parameters.target()), 0.9)));
        const loss = mean(square(sub(value(parameters), wanted)));
        step.metric("loss", loss);
        const scale = step.carried("scale", [], 1);
        step.carry("scale", add(mul(scale, 0.9), mul(loss, 0.1)));
        const after = step.minimize("value", loss, {
          groups: { value: { learningRate: 1e-2 } },
          optimizer: adam(),
          clip: globalNorm(1),
        });
        const action = nn.linear(parameters.group("policy").scope("policy"), add(x, step.noise("noise", [ROWS, 3])), 1);
        const policyLoss = mul(mean(sub(square(action), mul(action, value(after.frozen())))), scale);
        step.minimize("policy", policyLoss, { groups: { policy: { learningRate: 1e-3 } }, optimizer: adam() });
        step.trackTargets({ tau: 0.05, every: 2 });
      },
    },
    updates,
  );
}

export function criticBatches(): BatchSource {
  return {
    fill({ x, reward }, rng) {
      for (const array of [x, reward]) rng.fillNormal(array as Float32Array);
    },
  };
}
