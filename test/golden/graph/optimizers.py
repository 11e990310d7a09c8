"""Writes optimizers.json: parameters after some updates by torch.optim in float64, gradients given.

Run: python optimizers.py
"""
import json
import pathlib

import numpy as np
import torch

from fill import data, weights

torch.set_default_dtype(torch.float64)
UPDATES = 6
SHAPES = {"first/weight": (4, 3), "first/bias": (3,), "second/weight": (3, 2)}


class LaProp(torch.optim.Optimizer):
    """Algorithm 1 of arXiv:2002.04839, written out."""

    def __init__(self, parameters, lr, betas, eps):
        super().__init__(parameters, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state.update(t=0, m=torch.zeros_like(p), n=torch.zeros_like(p))
                state["t"] += 1
                state["n"] = beta2 * state["n"] + (1 - beta2) * p.grad**2
                scaled = p.grad / ((state["n"] / (1 - beta2 ** state["t"])).sqrt() + group["eps"])
                state["m"] = beta1 * state["m"] + (1 - beta1) * scaled
                p -= group["lr"] * state["m"] / (1 - beta1 ** state["t"])


def with_decay(optimizer, decay, **options):
    def make(parameters):
        groups = [
            {"params": [p for name, p in parameters.items() if p.dim() > 1], "weight_decay": decay},
            {"params": [p for name, p in parameters.items() if p.dim() == 1], "weight_decay": 0},
        ]
        return optimizer(groups, **options)

    return make


CASES = {
    "adam": lambda p: torch.optim.Adam(p.values(), lr=0.01),
    "adamW": with_decay(torch.optim.AdamW, 0.1, lr=0.01, betas=(0.8, 0.95), eps=1e-5),
    "sgd": lambda p: torch.optim.SGD(p.values(), lr=0.1),
    "momentum": with_decay(torch.optim.SGD, 0.05, lr=0.1, momentum=0.9),
    "laProp": lambda p: LaProp(p.values(), lr=0.01, betas=(0.9, 0.99), eps=1e-8),
}


def run(make):
    parameters = {name: torch.tensor(weights(name, shape).astype(np.float64)) for name, shape in SHAPES.items()}
    optimizer = make(parameters)
    for k in range(UPDATES):
        for name, p in parameters.items():
            p.grad = torch.tensor(data(f"{name}/{k}", p.shape).astype(np.float64))
        torch.nn.utils.clip_grad_norm_(parameters.values(), 2.0)
        optimizer.step()
    return {name: p.flatten().tolist() for name, p in parameters.items()}


if __name__ == "__main__":
    golden = {
        "generator": f"test/golden/graph/optimizers.py, torch {torch.__version__}, float64",
        "tolerance": 2e-6,
        "updates": UPDATES,
        "maxNorm": 2.0,
        "optimizers": {name: run(make) for name, make in CASES.items()},
    }
    path = pathlib.Path(__file__).with_name("optimizers.json")
    path.write_text(json.dumps(golden) + "\n")
