import {
  adam,
  add,
  exp,
  globalNorm,
  mul,
  nn,
  reshape,
  type StepDefinition,
  type Sym,
  split,
  square,
  sub,
  sum,
  sumSquares,
} from "../../../graph/index.ts";

const BATCH = 50;
const LATENT = 32;

/** A variational auto-encoder of 64 × 64 images in the sizes of World Models (Ha and Schmidhuber 2018, arXiv:1803.10122). */
export const convVae: StepDefinition = {
  name: "conv-vae",
  define(step) {
    const image = nn.centerImage(step.field("image", [BATCH, 64, 64, 3], "uint8"));
    const features = nn.cnnEncoder(step.parameters.scope("encoder"), image, {
      layers: [32, 64, 128, 256].map((filters) => ({ filters, kernel: 4, stride: 2 })),
    });
    const code = nn.linear(step.parameters.scope("latent"), reshape(features, [BATCH, -1]), 2 * LATENT);
    const [mean, logVariance] = split(code, [LATENT, LATENT]) as [Sym, Sym];
    const latent = add(mean, mul(exp(mul(logVariance, 0.5)), step.noise("noise", [BATCH, LATENT])));
    const reconstructed = nn.cnnDecoder(step.parameters.scope("decoder"), latent, {
      start: [1, 1, 1024],
      layers: [
        { filters: 128, kernel: 5, stride: 2 },
        { filters: 64, kernel: 5, stride: 2 },
        { filters: 32, kernel: 6, stride: 2 },
        { filters: 3, kernel: 6, stride: 2 },
      ],
    });
    const reconstruction = mul(sumSquares(sub(reconstructed, image)), 0.5 / BATCH);
    const divergence = mul(sum(sub(add(square(mean), exp(logVariance)), add(logVariance, 1))), 0.5 / BATCH);
    const loss = add(reconstruction, divergence);
    step.metric("loss", loss);
    step.metric("reconstruction", reconstruction);
    step.metric("divergence", divergence);
    const groups = { model: { learningRate: 3e-4 } };
    step.minimize("vae", loss, { groups, optimizer: adam(), clip: globalNorm(1000) });
  },
};
