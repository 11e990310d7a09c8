"""Writes loss-curve.json: the losses of 300 updates of the small conv VAE by PyTorch in float64, from the start of losses.py.

Run: python loss-curve.py
"""
import json
import pathlib

import numpy as np
import torch

import losses
from fill import data, unit

UPDATES, MAX_NORM, LEARNING_RATE, STORED_EVERY = 300, 100.0, 1e-3, 5


def waves(k):
    """Two images of plane waves, a function of the update alone."""
    a, b, c = (unit(f"wave/{part}/{k}", (2, 1, 1, 3)) for part in "abc")
    y, x = np.arange(64)[None, :, None, None], np.arange(64)[None, None, :, None]
    return np.floor(127.5 * (1 + np.sin(0.2 * (a * x + b * y) + 6 * c)))


def curve():
    p, update = losses.Parameters(), 0

    def fields(name, shape, dtype="float32"):
        values = waves(update) if dtype == "uint8" else data(f"{name}/{update}", shape)
        return torch.tensor(values.astype(np.float64))

    losses.tensor = fields
    losses.conv_vae(p)
    optimizer = torch.optim.Adam(p.leaves.values(), lr=LEARNING_RATE)
    values = []
    for update in range(UPDATES):
        optimizer.zero_grad()
        loss = losses.conv_vae(p)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(p.leaves.values(), MAX_NORM)
        optimizer.step()
        values.append(loss.item())
    return values


if __name__ == "__main__":
    golden = {
        "generator": f"test/golden/graph/loss-curve.py, torch {torch.__version__}, numpy {np.__version__}, float64",
        "tolerance": 0.01,
        "updates": UPDATES,
        "maxNorm": MAX_NORM,
        "learningRate": LEARNING_RATE,
        "storedEvery": STORED_EVERY,
        "losses": curve()[::STORED_EVERY],
    }
    path = pathlib.Path(__file__).with_name("loss-curve.json")
    path.write_text(json.dumps(golden) + "\n")
