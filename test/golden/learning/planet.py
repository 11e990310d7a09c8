"""Losses and gradient norms of PlaNet from its equations, in PyTorch.

usage: python3 planet.py > planet.json
"""
import json

import numpy
import torch

from rssm_twin import Gaussian, Twin, data, image, observation_loss

T, B, A = 4, 2, 2
DETER, HIDDEN, STOCH, SMALLEST, UNITS, FREE, REWARD = 8, 6, 3, 0.1, 7, 0.05, 10
LEARNING_RATE, EPSILON = 1e-3, 1e-4
CASES = {
    "state": {"proprioception": 5, "images": None, "overshooting": 1},
    "pixels": {"proprioception": 0, "images": "convolutions", "overshooting": 3},
    "both": {"proprioception": 5, "images": "keypoints", "overshooting": 4, "pull": 0.3},
}


class Planet(Twin):
    def __init__(self, proprioception, images, overshooting, pull=1):
        super().__init__("plain")
        self.sensed, self.kind, self.overshooting, self.pull = proprioception, images, overshooting, pull

    def core(self, deter, stoch, action):
        x = self.mlp("rssm/core/input", torch.cat([stoch, action], -1), [HIDDEN])
        return self.gru("rssm/core/gru", x, deter)

    def prior(self, deter):
        return self.mlp("rssm/prior", deter, [HIDDEN], 2 * STOCH)

    def posterior(self, deter, embedding):
        return self.mlp("rssm/posterior", torch.cat([deter, embedding], -1), [HIDDEN], 2 * STOCH)

    def encode(self, shown, sensed):
        parts = []
        if self.kind == "convolutions":
            parts.append(self.feature_map("encoder/scene", shown, 1))
        if self.kind == "keypoints":
            parts.append(self.mlp("encoder/merge", self.points("encoder/scene", shown, 1, 3), [6]))
        if self.sensed:
            parts.append(self.mlp("encoder/proprioception", sensed, [UNITS]))
        return torch.cat(parts, -1)

    def paint(self, features):
        if self.kind == "convolutions":
            return self.paint_feature_map("decoder/scene", features, 1)
        return self.paint_points("decoder/scene", features, UNITS, 1)


def distribution(statistics):
    return Gaussian(statistics, SMALLEST)


def update(model, number):
    name = lambda field: f"{field}/{number}"  # noqa: E731
    action, reward = data(name("action"), T, B, A) / 1.5, data(name("reward"), T, B)
    first, rewarded = torch.zeros(T, B), torch.ones(T, B)
    first[2, 1] = first[0, 0] = 1
    rewarded[2, 1] = 0
    sensed = data(name("proprioception"), T * B, model.sensed) if model.sensed else None
    shown = image(name("image_scene"), T, B, 64, 64, 3).flatten(0, 1) if model.kind else None
    embedding = model.encode(shown, sensed).reshape(T, B, -1)
    noise = data(name("observation"), T, B, STOCH)
    deter, stoch, deters, stochs, posts = torch.zeros(B, DETER), torch.zeros(B, STOCH), [], [], []
    for t in range(T):
        keep = (1 - first[t]).unsqueeze(-1)
        deter = model.core(deter * keep, stoch * keep, action[t] * keep)
        statistics = model.posterior(deter, embedding[t])
        stoch = distribution(statistics).sample(noise[t])
        deters.append(deter), stochs.append(stoch), posts.append(statistics)

    distances = model.overshooting
    ahead = data(name("ahead"), max(1, distances - 1), T, B, STOCH)
    sums = [torch.zeros(()) for _ in range(min(distances, T))]
    for t in range(T):  # everything that is expected at step t, from 1 … D steps before
        posterior = distribution(model.pull * posts[t] + (1 - model.pull) * posts[t].detach())
        sums[0] = sums[0] + posterior.kl(distribution(model.prior(deters[t]))).clamp(min=FREE).sum()
    for t in range(T - 1):  # from what was believed at step t: open loop to t + d
        deter, stoch, valid = deters[t], stochs[t], torch.ones(B)
        for d in range(1, distances + 1):
            if t + d >= T:
                break
            valid = valid * (1 - first[t + d])
            deter = model.core(deter, stoch, action[t + d])
            prior = distribution(model.prior(deter))
            if d > 1:
                divergence = distribution(posts[t + d].detach()).kl(prior).clamp(min=FREE)
                sums[d - 1] = sums[d - 1] + (valid * divergence).sum()
            if d < distances:
                stoch = prior.sample(ahead[d - 1, t + d])
    means = [sums[0] / (T * B)] + [sums[d - 1] / ((T - d) * B) for d in range(2, len(sums) + 1) if d < T]
    figures = {"divergence": sum(means) / len(means)}

    features = torch.cat([torch.cat(deters), torch.cat(stochs)], -1)
    predicted = model.mlp("reward", features, [UNITS], 1).reshape(T, B)
    figures["reward"] = ((predicted - reward) ** 2 * rewarded).mean()
    loss = figures["divergence"] + 0.5 * REWARD * figures["reward"]
    if model.kind:
        figures["image"] = observation_loss(model.paint(features), shown, 0)
        loss = loss + 0.5 * figures["image"]
    if model.sensed:
        painted = model.mlp("decoder/proprioception", features, [UNITS], model.sensed)
        figures["proprioception"] = ((painted - sensed) ** 2).sum(-1).mean()
        loss = loss + 0.5 * figures["proprioception"]
    return loss, {"loss": loss.item(), **{key: value.item() for key, value in figures.items()}}


def step(model, moments, count):
    """Adam."""
    with torch.no_grad():
        for name, weight in model.weights.items():
            mean, square = moments.setdefault(name, [torch.zeros_like(weight), torch.zeros_like(weight)])
            mean.mul_(0.9).add_(0.1 * weight.grad)
            square.mul_(0.999).add_(0.001 * weight.grad**2)
            root = torch.sqrt(square / (1 - 0.999**count)) + EPSILON
            weight -= LEARNING_RATE * mean / (1 - 0.9**count) / root


result = {}
for case, options in CASES.items():
    model, moments, updates = Planet(**options), {}, []
    for number in range(2):
        loss, figures = update(model, number)
        updates.append({**figures, "model/gradientNorm": model.gradient_norm(loss)})
        step(model, moments, number + 1)
    result[case] = {"updates": updates}
print(
    json.dumps(
        {"script": "planet.py", "torch": torch.__version__, "numpy": numpy.__version__, "tolerance": 1e-4, **result},
        indent=1,
    )
)
