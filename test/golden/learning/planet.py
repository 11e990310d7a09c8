"""Losses and gradient norms of PlaNet from its equations, in PyTorch.

usage: python3 planet.py > planet.json
"""
import json

import numpy
import torch

from rssm_twin import BesidesKnown, Gaussian, Twin, data, image, observation_loss

T, B, A = 4, 2, 2
DETER, HIDDEN, STOCH, SMALLEST, UNITS, FREE, REWARD = 8, 6, 3, 0.1, 7, 0.05, 10
LEARNING_RATE, EPSILON = 1e-3, 1e-4
CASES = {
    "state": {"proprioception": 5, "images": None, "overshooting": 1},
    "pixels": {"proprioception": 0, "images": "convolutions", "overshooting": 3},
    "both": {"proprioception": 5, "images": "keypoints", "overshooting": 4, "pull": 0.3},
    "ahead": {
        "proprioception": 5,
        "images": "keypoints",
        "overshooting": 3,
        "pull": 0.3,
        "seen": 2,
        "known": 0.4,
        "residual": True,
        "painted": 1,
        "expect_first": False,
        "frame_scale": 0.5,
        "ahead_scale": 0.7,
        "sensed_scale": 3,
    },
}


class Planet(Twin):
    def __init__(
        self,
        proprioception,
        images,
        overshooting,
        pull=1,
        seen=T,
        known=None,
        residual=False,
        painted=B,
        expect_first=True,
        frame_scale=0,
        ahead_scale=0,
        sensed_scale=1,
    ):
        super().__init__("plain")
        self.sensed, self.kind, self.overshooting, self.pull = proprioception, images, overshooting, pull
        self.seen, self.known, self.residual, self.painted = seen, known, residual, painted
        self.expect_first, self.frame_scale, self.ahead_scale = expect_first, frame_scale, ahead_scale
        self.sensed_scale = sensed_scale
        self.certain = proprioception if known else 0

    def core(self, deter, stoch, action):
        x = self.mlp("rssm/core/input", torch.cat([stoch, action], -1), [HIDDEN])
        return self.gru("rssm/core/gru", x, deter)

    def prior(self, deter, before):
        change = self.mlp("rssm/prior", deter, [HIDDEN], 2 * STOCH + self.certain)
        mean, raw, known = change.split([STOCH, STOCH, self.certain], -1)
        if self.residual:
            mean = before[..., :STOCH] + mean
        return torch.cat([mean, raw, before[..., STOCH:] + known], -1)

    def posterior(self, deter, embedding):
        statistics = self.mlp("rssm/posterior", torch.cat([deter, embedding], -1), [HIDDEN], 2 * STOCH)
        return torch.cat([statistics, embedding[..., embedding.shape[-1] - self.certain :]], -1)

    def belief(self, statistics):
        if self.known:
            return BesidesKnown(distribution, statistics, 2 * STOCH, self.certain, self.known)
        return distribution(statistics)

    def encode(self, shown, sensed):
        parts = []
        if self.kind == "convolutions":
            parts.append(self.feature_map("encoder/scene", shown, 1))
        if self.kind == "keypoints":
            parts.append(self.mlp("encoder/merge", self.points("encoder/scene", shown, 1, 3), [6]))
        if self.sensed:
            parts.append(sensed if self.known else self.mlp("encoder/proprioception", sensed, [UNITS]))
        return torch.cat(parts, -1)

    def paint(self, features):
        if self.kind == "convolutions":
            return self.paint_feature_map("decoder/scene", features, 1)
        return self.paint_points("decoder/scene", features, UNITS, 1)

    def sense(self, features):
        if self.known:
            return features[..., features.shape[-1] - self.certain :]
        return self.mlp("decoder/proprioception", features, [UNITS], self.sensed)

    def reward(self, features, name="reward"):
        return self.mlp(name, features, [UNITS], 1).squeeze(-1)


def distribution(statistics):
    return Gaussian(statistics, SMALLEST)


def update(model, number):
    name = lambda field: f"{field}/{number}"  # noqa: E731
    seen, certain, distances = model.seen, model.certain, model.overshooting
    action, reward = data(name("action"), T, B, A) / 1.5, data(name("reward"), T, B)
    first, rewarded = torch.zeros(T, B), torch.ones(T, B)
    first[2, 1] = first[0, 0] = 1
    rewarded[2, 1] = 0
    sensed = data(name("proprioception"), T, B, model.sensed) if model.sensed else None
    shown = image(name("image_scene"), seen, B, 64, 64, 3) if model.kind else None
    embedding = model.encode(
        shown.flatten(0, 1) if model.kind else None, sensed[:seen].flatten(0, 1) if model.sensed else None
    ).reshape(seen, B, -1)
    noise = data(name("observation"), seen, B, STOCH)
    deter, stoch = torch.zeros(B, DETER), torch.zeros(B, STOCH + certain)
    deters, stochs, posts, befores = [], [], [], []
    for t in range(seen):
        keep = (1 - first[t]).unsqueeze(-1)
        befores.append(stoch * keep)
        deter = model.core(deter * keep, stoch * keep, action[t] * keep)
        statistics = model.posterior(deter, embedding[t])
        stoch = model.belief(statistics).sample(noise[t])
        deters.append(deter), stochs.append(stoch), posts.append(statistics)

    ahead = data(name("ahead"), max(1, distances - (0 if model.ahead_scale else 1)), seen, B, STOCH)
    sums = [torch.zeros(()) for _ in range(min(distances, T))]
    from_step = 0 if model.expect_first else 1
    for t in range(from_step, seen):  # everything that is expected at step t, from 1 … D steps before
        posterior = model.belief(model.pull * posts[t] + (1 - model.pull) * posts[t].detach())
        sums[0] = sums[0] + posterior.kl(model.belief(model.prior(deters[t], befores[t]))).clamp(min=FREE).sum()
    reward_error, sensed_error, count = torch.zeros(()), torch.zeros(()), torch.zeros(())
    for t in range(seen):  # from what was believed at step t: open loop to t + d
        deter, stoch, valid = deters[t], stochs[t], torch.ones(B)
        for d in range(1, distances + 1):
            if t + d >= T:
                break
            valid = valid * (1 - first[t + d])
            deter = model.core(deter, stoch, action[t + d])
            prior = model.belief(statistics := model.prior(deter, stoch))
            if d > 1 and t + d < seen:
                divergence = model.belief(posts[t + d].detach()).kl(prior).clamp(min=FREE)
                sums[d - 1] = sums[d - 1] + (valid * divergence).sum()
            if d < distances or model.ahead_scale:
                # Noise lies by the step that is reached, but for what is reached beyond the last observation.
                stoch = model.belief(statistics).sample(ahead[d - 1, t + (seen - min(seen, T - d))])
            if model.ahead_scale:
                features = torch.cat([deter, stoch], -1)
                reward_error = reward_error + (valid * (model.reward(features) - reward[t + d]) ** 2).sum()
                sensed_error = sensed_error + (valid * ((model.sense(features) - sensed[t + d]) ** 2).sum(-1)).sum()
                count = count + valid.sum()
    means = [sums[0] / ((seen - from_step) * B)]
    means += [sums[d - 1] / ((seen - d) * B) for d in range(2, len(sums) + 1) if d < seen]
    figures = {"divergence": sum(means) / len(means)}

    features = torch.cat([torch.cat(deters), torch.cat(stochs)], -1)
    reward_loss = lambda found: ((found.reshape(seen, B) - reward[:seen]) ** 2 * rewarded[:seen]).mean()  # noqa: E731
    figures["reward"] = reward_loss(model.reward(features))
    loss = figures["divergence"] + 0.5 * REWARD * figures["reward"]
    if model.frame_scale:
        figures["frame"] = reward_loss(model.reward(embedding.flatten(0, 1), "frameReward"))
        loss = loss + 0.5 * REWARD * model.frame_scale * figures["frame"]
    if model.ahead_scale:
        figures["rewardAhead"], figures["proprioceptionAhead"] = reward_error / count, sensed_error / count
        both = REWARD * figures["rewardAhead"] + model.sensed_scale * figures["proprioceptionAhead"]
        loss = loss + 0.5 * model.ahead_scale * both
    if model.kind:
        painted = model.paint(features.reshape(seen, B, -1)[:, : model.painted].flatten(0, 1))
        figures["image"] = observation_loss(painted, shown[:, : model.painted].flatten(0, 1), 0)
        loss = loss + 0.5 * figures["image"]
    if model.sensed:
        error = model.sense(features) - sensed[:seen].flatten(0, 1)
        figures["proprioception"] = (error**2).sum(-1).mean()
        loss = loss + 0.5 * model.sensed_scale * figures["proprioception"]
    return loss, {"loss": loss.item(), **{key: value.item() for key, value in figures.items()}}


def step(model, moments, count):
    """Adam."""
    with torch.no_grad():
        for name, weight in model.weights.items():
            if weight.grad is None:
                continue
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
