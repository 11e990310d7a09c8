"""Losses and gradient norms of the VAE agent from its equations, in PyTorch, on weights, noise and data made by formula.

Run: python3 test/golden/learning/vae_agent.py > test/golden/learning/vae-agent.json
"""
import json
import math
import sys
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).parent.parent / "graph"))
import fill  # noqa: E402

torch.set_default_dtype(torch.float64)

BATCH, PAINTED, HORIZON, PROPRIOCEPTION, ACTION = 3, 2, 3, 4, 2
CODE, MEMORY, UNITS, CHANNELS, KEYPOINTS, MERGED, PAINT_UNITS = 6, 5, 12, 4, 6, 8, 7
EMBEDDING = CODE + PROPRIOCEPTION
BETA, BOUND, REWARD, CONSISTENCY, SALIENCE, MAX_NORM, RATE = 2.0, 0.01, 1.0, 20.0, 20.0, 0.5, 1e-3
CASES = {
    "mlp": {"dynamics": "mlp", "images": "convolutions", "reward_gradient": False},
    "gru": {"dynamics": "gru", "images": "keypoints", "reward_gradient": True},
}


def tensor(array):
    return torch.tensor(numpy.asarray(array, dtype=numpy.float64))


class Twin:
    def __init__(self, dynamics, images, reward_gradient):
        self.recurrent, self.flat, self.reward_gradient = dynamics == "gru", images == "convolutions", reward_gradient
        self.weights = {}

    def weight(self, name, *shape):
        if name not in self.weights:
            self.weights[name] = tensor(fill.weights(name, shape)).requires_grad_()
        return self.weights[name]

    def linear(self, name, x, units):
        return x @ self.weight(f"{name}/weight", x.shape[-1], units) + self.weight(f"{name}/bias", units)

    def rms(self, name, x):
        return x * torch.rsqrt((x**2).mean(-1, keepdim=True) + 1e-4) * self.weight(f"{name}/gain", x.shape[-1])

    def mlp(self, name, x, hidden, output=None):
        for i, units in enumerate(hidden):
            x = F.silu(self.rms(f"{name}/norm{i}", self.linear(f"{name}/linear{i}", x, units)))
        return x if output is None else self.linear(f"{name}/out", x, output)

    def conv(self, name, x, filters, kernel, stride, padding=0):
        w = self.weight(f"{name}/weight", kernel, kernel, x.shape[-1], filters).permute(3, 2, 0, 1)
        y = F.conv2d(x.permute(0, 3, 1, 2), w, self.weight(f"{name}/bias", filters), stride, padding)
        return y.permute(0, 2, 3, 1)

    def spread(self, name, x, filters, kernel, padding=0):
        w = self.weight(f"{name}/weight", x.shape[-1], kernel, kernel, filters).permute(0, 3, 1, 2)
        y = F.conv_transpose2d(x.permute(0, 3, 1, 2), w, self.weight(f"{name}/bias", filters), 2, padding)
        return y.permute(0, 2, 3, 1)

    def posterior(self, image):
        x = image / 255 - 0.5
        if self.flat:
            for i, depth in enumerate([1, 2, 4, 8]):
                x = self.conv(f"encoder/scene/conv{i}", x, depth * CHANNELS, 4, 2, 1)
                x = F.silu(self.rms(f"encoder/scene/norm{i}", x))
            x = x.flatten(1)
        else:
            x = F.relu(self.conv("encoder/scene/conv0", x, CHANNELS, 4, 2))
            x = self.conv("encoder/scene/conv1", x, KEYPOINTS, 4, 2)
            n, height, width, _ = x.shape
            attention = torch.softmax(x.permute(0, 3, 1, 2).reshape(n, KEYPOINTS, -1), -1)
            ys, xs = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
            x = torch.stack([(attention * p.reshape(-1)).sum(-1) for p in (xs, ys)], -1).reshape(n, -1)
            x = self.mlp("encoder/merge", x, [MERGED])
        mean, raw = self.linear("posterior", x, 2 * CODE).chunk(2, -1)
        return mean, F.softplus(raw) + 1e-2

    def paint(self, code):
        if self.flat:
            x = self.linear("decoder/scene/start", code, 16 * 8 * CHANNELS).reshape(-1, 4, 4, 8 * CHANNELS)
            for i, filters in enumerate([4 * CHANNELS, 2 * CHANNELS, CHANNELS]):
                x = F.silu(self.rms(f"decoder/scene/norm{i}", self.spread(f"decoder/scene/conv{i}", x, filters, 4, 1)))
            return self.spread("decoder/scene/conv3", x, 3, 4, 1) + 0.5
        x = F.relu(self.linear("decoder/scene/hidden", code, PAINT_UNITS))
        x = self.linear("decoder/scene/start", x, 36 * CHANNELS).reshape(-1, 6, 6, CHANNELS)
        x = F.relu(self.spread("decoder/scene/conv0", x, CHANNELS, 4))
        x = F.relu(self.spread("decoder/scene/conv1", x, CHANNELS, 4))
        return self.spread("decoder/scene/conv2", x, 3, 6) + 0.5

    def reward(self, embedding):
        return self.mlp("reward", embedding, [UNITS, UNITS], 1)[..., 0]

    def gru(self, x, h):
        xs = x @ self.weight("memory/inputWeight", x.shape[-1], 3 * MEMORY) + self.weight("memory/inputBias", 3 * MEMORY)
        hs = h @ self.weight("memory/hiddenWeight", MEMORY, 3 * MEMORY) + self.weight("memory/hiddenBias", 3 * MEMORY)
        (xr, xu, xn), (hr, hu, hn) = xs.chunk(3, -1), hs.chunk(3, -1)
        update = torch.sigmoid(xu + hu)
        return (1 - update) * torch.tanh(xn + torch.sigmoid(xr + hr) * hn) + update * h

    def next(self, seen, memory, action):
        x = torch.cat([seen, action], -1)
        if self.recurrent:
            memory = self.gru(x, memory)
            x = torch.cat([x, memory], -1)
        return seen + self.mlp("dynamics", x, [UNITS, UNITS], EMBEDDING), memory


def losses(twin):
    images = tensor(fill.data("image_scene", (HORIZON + 1, BATCH, 64, 64, 3), "uint8"))
    sensed = tensor(fill.data("proprioception", (HORIZON + 1, BATCH, PROPRIOCEPTION)))
    actions = tensor(fill.data("actions", (HORIZON, BATCH, ACTION)))
    rewards = tensor(fill.data("rewards", (HORIZON, BATCH)))
    noise = tensor(fill.data("codeNoise", (PAINTED, CODE)))

    mean, deviation = twin.posterior(images[1])
    shown = images[1][:PAINTED] / 255
    weight = 1 + SALIENCE * (shown - shown.mean(0, keepdim=True)).abs()
    reconstruction = (weight * (twin.paint(mean[:PAINTED] + deviation[:PAINTED] * noise) - shown) ** 2).sum() / PAINTED
    divergence = (0.5 * (mean**2 + deviation**2 - 1) - deviation.log()).sum(-1).mean()
    seen = torch.cat([mean if twin.reward_gradient else mean.detach(), sensed[1]], -1)
    seen_reward = ((twin.reward(seen) - rewards[0]) ** 2).mean()

    codes = [twin.posterior(image)[0].detach() for image in images]
    observed = [torch.cat([code, p], -1) for code, p in zip(codes, sensed)]
    state, memory, imagined = observed[0], torch.zeros(BATCH, MEMORY), []
    for t in range(HORIZON):
        state, memory = twin.next(state, memory, actions[t])
        imagined.append(state)
    consistency = ((torch.stack(imagined) - torch.stack(observed[1:])) ** 2).mean()
    imagined_reward = ((twin.reward(torch.stack(imagined)) - rewards) ** 2).mean()
    bound = reconstruction + BETA * divergence
    total = BOUND * bound + REWARD * (seen_reward + imagined_reward) + CONSISTENCY * consistency
    return total, {
        "loss": total,
        "reconstruction": reconstruction,
        "divergence": divergence,
        "seenReward": seen_reward,
        "consistency": consistency,
        "imaginedReward": imagined_reward,
    }


def updates(case):
    """Two updates by Adam, with clipping."""
    twin, reports, moments = Twin(**case), [], {}
    for update in (1, 2):
        total, parts = losses(twin)
        for w in twin.weights.values():
            w.grad = None
        total.backward()
        norm = math.sqrt(sum(float((w.grad**2).sum()) for w in twin.weights.values()))
        factor = min(1, MAX_NORM / (norm + 1e-6))
        for name, w in twin.weights.items():
            mean, variance = moments.get(name, (0, 0))
            mean, variance = 0.9 * mean + 0.1 * w.grad * factor, 0.999 * variance + 0.001 * (w.grad * factor) ** 2
            moments[name] = (mean, variance)
            with torch.no_grad():
                w -= RATE * mean / (1 - 0.9**update) / ((variance / (1 - 0.999**update)).sqrt() + 1e-8)
        reports.append({name: value.item() for name, value in parts.items()} | {"model/gradientNorm": norm})
    return reports


versions = {"script": "vae_agent.py", "torch": torch.__version__, "numpy": numpy.__version__, "tolerance": 1e-4}
print(json.dumps({**versions, **{name: updates(case) for name, case in CASES.items()}}, indent=1))
