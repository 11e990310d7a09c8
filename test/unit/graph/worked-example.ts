import {
  adam,
  add,
  addAll,
  concat,
  differentiable,
  globalNorm,
  mean,
  mul,
  nn,
  type Parameters,
  type StepDefinition,
  type Sym,
  softplus,
  square,
  stopGradient,
  sub,
  tanh,
  warmUp,
} from "../../../src/graph/index.ts";

const B = 64;
const LATENT = 8;
const small = { hidden: [32], activation: tanh };

const encode = (p: Parameters, observation: Sym) =>
  nn.mlp(p.scope("encoder"), observation, { ...small, output: LATENT });
const predict = (p: Parameters, latent: Sym, action: Sym) =>
  add(latent, nn.mlp(p.scope("dynamics"), concat([latent, action]), { ...small, output: LATENT }));
const decode = (p: Parameters, latent: Sym) => nn.linear(p.scope("decoder"), latent, 2);
const act = (p: Parameters, latent: Sym) => tanh(nn.linear(p.scope("policy").group("policy"), latent, 1));
const error = (a: Sym, b: Sym) => mean(square(sub(a, b)));

export const massModel: StepDefinition = {
  name: "mass",
  define(step) {
    const p = step.parameters;
    const [before, after] = [step.field("before", [B, 2]), step.field("after", [B, 2])];
    const latent = encode(p, before);
    const next = predict(p, latent, step.field("action", [B, 1]));
    const reconstruction = add(error(decode(p, latent), before), error(decode(p, next), after));
    const loss = add(reconstruction, error(next, stopGradient(encode(p, after))));
    step.metric("loss", loss);
    const groups = { model: { learningRate: warmUp(20, 3e-3) } };
    const trained = step.minimize("model", loss, { groups, optimizer: adam(), clip: globalNorm(10) });

    const costs: Sym[] = [];
    for (let t = 0, z = encode(trained, before); t < 10; t++) {
      z = predict(trained, z, act(p, z));
      costs.push(mean(square(decode(trained, z))));
    }
    step.minimize("policy", addAll(costs), { groups: { policy: { learningRate: 3e-3 } }, optimizer: adam() });
  },
};

export const massGraphs = {
  encode(p: Parameters): void {
    p.graph.output("embedding", encode(p, p.graph.input("proprioception", [1, 2])));
  },
  observe(p: Parameters): void {
    const input = (name: string, width: number) => p.graph.input(name, [1, width]);
    const [latent, embedding] = [input("latent", LATENT), input("embedding", LATENT)];
    const expected = predict(p, latent, input("action", 1));
    const surprise = mean(square(sub(expected, embedding)), 1);
    p.graph.output("surprise", mul(surprise, sub(1, mean(input("is_first", 1), 1))));
    p.graph.output("latent_out", embedding);
  },
  act(p: Parameters): void {
    const noise = p.graph.noiseInput("noise", [1, 1]);
    p.graph.output("action", tanh(add(act(p, p.graph.input("latent", [1, LATENT])), mul(noise, 0.01))));
  },
};

/** log(cosh(x)): a squared error near zero, an absolute one far away. */
export const logCosh: (x: Sym) => Sym = differentiable("LogCosh", (x) => ({
  operands: [x],
  value: sub(add(x, softplus(mul(x, -2))), Math.LN2),
  gradient: (dy) => [mul(dy, tanh(x))],
}));
