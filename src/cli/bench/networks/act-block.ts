import { adam, mean, nn, type StepDefinition, square, sub } from "../../../graph/index.ts";

const BATCH = 8;
const TOKENS = 100;
const WIDTH = 512;

/** One encoder block in ACT's sizes, fitted to given outputs (Zhao et al. 2023, arXiv:2304.13705). */
export const actBlock: StepDefinition = {
  name: "act-block",
  define(step) {
    const tokens = step.field("tokens", [BATCH, TOKENS, WIDTH]);
    const wanted = step.field("wanted", [BATCH, TOKENS, WIDTH]);
    const found = nn.transformerBlock(step.parameters, tokens, { heads: 8, hidden: 3200 });
    const loss = mean(square(sub(found, wanted)));
    step.metric("loss", loss);
    step.minimize("block", loss, { groups: { model: { learningRate: 1e-5 } }, optimizer: adam() });
  },
};
