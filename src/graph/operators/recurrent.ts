import { differentiable } from "../operator.ts";
import { shapeError } from "../shapes.ts";
import type { Sym } from "../sym.ts";
import { sigmoid, tanh } from "./activations.ts";
import { add, mul, square, sub } from "./arithmetic.ts";
import { concat, split } from "./slicing.ts";

/**
 * What a gated recurrent unit does after its two products: an unrolled sequence runs it hundreds of times, so its rule is
 * written for few nodes, reset and update gate together.
 *
 * Shapes: fromInput, fromHidden [B, 3·D] (reset, update, new), hidden [B, D] → the next hidden [B, D]
 */
export const gruGates: (fromInput: Sym, fromHidden: Sym, hidden: Sym) => Sym = differentiable(
  "GruGates",
  (fromInput, fromHidden, hidden) => {
    const units = hidden.extent(-1);
    if (fromInput.extent(-1) !== 3 * units || fromHidden.extent(-1) !== 3 * units) {
      throw shapeError("GruGates", `three gates of ${units} units from input and hidden`, [fromInput, fromHidden]);
    }
    const [inputGates, inputNew] = split(fromInput, [2 * units, units]) as [Sym, Sym];
    const [hiddenGates, hiddenNew] = split(fromHidden, [2 * units, units]) as [Sym, Sym];
    const gates = sigmoid(add(inputGates, hiddenGates));
    const [reset, update] = split(gates, [units, units]) as [Sym, Sym];
    const candidate = tanh(add(inputNew, mul(reset, hiddenNew)));
    const difference = sub(hidden, candidate);
    return {
      operands: [fromInput, fromHidden, hidden],
      value: add(candidate, mul(update, difference)),
      gradient: (dy) => {
        const dHidden = mul(dy, update);
        const dCandidate = sub(dy, dHidden);
        const dNew = sub(dCandidate, mul(dCandidate, square(candidate)));
        const dGates = mul(concat([mul(dNew, hiddenNew), mul(dy, difference)]), sub(gates, square(gates)));
        return [concat([dGates, dNew]), concat([dGates, mul(dNew, reset)]), dHidden];
      },
    };
  },
);
