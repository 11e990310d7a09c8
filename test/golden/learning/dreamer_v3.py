"""Losses, returns, gradient norms and updates of DreamerV3 from its equations, in PyTorch.

usage: python3 dreamer_v3.py > dreamer-v3.json
"""
import json
import math

import numpy
import torch
import torch.nn.functional as F

from rssm_twin import BesidesKnown, Categorical, Twin, data, image, observation_loss, symlog, tensor, uniform

T, B, A, HORIZON, STARTS = 4, 2, 2, 3, 3
DETER, HIDDEN, GROUPS, CLASSES, UNIMIX = 8, 6, 3, 4, 0.01
UNITS, BINS, LIMIT, MIN_STD, MAX_STD = 7, 15, 5, 0.1, 1
FREE, REPRESENTATION, DISCOUNT, LAMBDA, ENTROPY, SLOW, RATE, REPLAY = 0.02, 0.1, 1 - 1 / 333, 0.95, 3e-2, 1, 0.1, 0.3
LEARNING_RATE, CLIP, TAU = 1e-3, 0.3, 0.2
CASES = {
    "state": {"core": "block-gru", "proprioception": 5, "images": None, "salience": 0, "every": 1},
    "pixels": {"core": "gru", "proprioception": 0, "images": "convolutions", "salience": 3, "every": 2},
    "both": {"core": "gru", "proprioception": 5, "images": "keypoints", "salience": 0, "every": 1},
    "dynamics": {"core": "gru", "proprioception": 5, "images": None, "salience": 0, "every": 1, "gradient": "dynamics"},
    "ahead": {
        "core": "gru",
        "proprioception": 5,
        "images": "keypoints",
        "salience": 3,
        "every": 2,
        "gradient": "dynamics",
        "seen": 2,
        "known": 0.4,
        "distance": 2,
        "expect_first": False,
        "scales": {"image": 0.2, "proprioception": 3, "reward": 2, "frame": 0.5, "ahead": 0.7},
        "reward_head": "gaussian",
    },
}
BIN_PLACES = torch.sign(e := torch.linspace(-LIMIT, LIMIT, BINS)) * torch.expm1(e.abs())


class Bins:
    def __init__(self, logits):
        self.log = torch.log_softmax(logits, -1)

    def mean(self):
        return (self.log.exp() * BIN_PLACES).sum(-1)

    def log_prob(self, value):
        value = value.clamp(BIN_PLACES[0], BIN_PLACES[-1])
        above = torch.searchsorted(BIN_PLACES, value.contiguous()).clamp(1, BINS - 1)
        low, high = BIN_PLACES[above - 1], BIN_PLACES[above]
        share = (value - low) / (high - low)
        pick = lambda i: self.log.gather(-1, i.unsqueeze(-1)).squeeze(-1)  # noqa: E731
        return (1 - share) * pick(above - 1) + share * pick(above)


class UnitNormal:
    def __init__(self, number):
        self.number = number

    def mean(self):
        return self.number

    def log_prob(self, value):
        return torch.distributions.Normal(self.number, 1).log_prob(value)


class Dreamer(Twin):
    def __init__(
        self,
        core,
        proprioception,
        images,
        salience,
        every,
        gradient="reinforce",
        seen=T,
        known=None,
        distance=0,
        expect_first=True,
        scales=None,
        reward_head="two-hot",
    ):
        super().__init__("normalized")
        self.through_dynamics = gradient == "dynamics"
        self.core_kind, self.sensed, self.kind, self.salience, self.every = core, proprioception, images, salience, every
        self.seen, self.known, self.distance, self.expect_first = seen, known, distance, expect_first
        self.scales = {"image": 1, "proprioception": 1, "reward": 1, "frame": 0, "ahead": 0} | (scales or {})
        self.certain = proprioception if known else 0
        self.reward_head = reward_head

    def core(self, deter, stoch, action):
        if self.core_kind == "block-gru":
            return self.block_gru("rssm/core", [stoch, action], deter, 2, HIDDEN)
        x = self.mlp("rssm/core/input", torch.cat([stoch, action], -1), [HIDDEN])
        return self.gru("rssm/core/gru", x, deter)

    def prior(self, deter, before):
        statistics = self.mlp("rssm/prior", deter, [HIDDEN, HIDDEN], GROUPS * CLASSES + self.certain)
        logits, known = statistics.split([GROUPS * CLASSES, self.certain], -1)
        return torch.cat([logits, before[..., GROUPS * CLASSES :] + known], -1)

    def posterior(self, deter, embedding):
        logits = self.mlp("rssm/posterior", torch.cat([deter, embedding], -1), [HIDDEN], GROUPS * CLASSES)
        return torch.cat([logits, embedding[..., embedding.shape[-1] - self.certain :]], -1)

    def belief(self, statistics):
        categorical = lambda logits: Categorical(logits, GROUPS, CLASSES, UNIMIX)  # noqa: E731
        if self.known:
            return BesidesKnown(categorical, statistics, GROUPS * CLASSES, self.certain, self.known)
        return categorical(statistics)

    def encode(self, shown, sensed):
        parts = []
        if self.kind == "convolutions":
            parts.append(self.feature_map("encoder/scene", shown, 1))
        if self.kind == "keypoints":
            parts.append(self.mlp("encoder/merge", self.points("encoder/scene", shown, 1, 3), [6]))
        if self.sensed:
            squashed = symlog(sensed)
            parts.append(squashed if self.known else self.mlp("encoder/proprioception", squashed, [UNITS]))
        return torch.cat(parts, -1)

    def paint(self, features):
        if self.kind == "convolutions":
            return self.paint_feature_map("decoder/scene", features, 1)
        return self.paint_points("decoder/scene", features, UNITS, 1)

    def sense(self, features):
        if self.known:
            return features[..., features.shape[-1] - self.certain :]
        return self.mlp("decoder/proprioception", features, [UNITS], self.sensed)

    def reward(self, features):
        if self.reward_head == "gaussian":
            return UnitNormal(self.mlp("reward", features, [UNITS], 1).squeeze(-1))
        return Bins(self.mlp("reward", features, [UNITS], BINS))

    def value(self, features, slow=False):
        return Bins(self.mlp("critic", features, [UNITS, UNITS], BINS, slow))

    def goes_on(self, features):
        return self.mlp("continuation", features, [UNITS], 1).squeeze(-1)

    def actor(self, features):
        mean, raw = self.mlp("actor", features, [UNITS, UNITS], 2 * A).chunk(2, -1)
        return torch.distributions.Normal(torch.tanh(mean), (MAX_STD - MIN_STD) * torch.sigmoid(raw + 2) + MIN_STD)


def lambda_return(rewards, discounts, values, shares):
    returns, beyond = [], values[-1]
    for t in reversed(range(len(rewards))):
        beyond = rewards[t] + discounts[t] * ((1 - shares[t]) * values[t] + shares[t] * beyond)
        returns.insert(0, beyond)
    return torch.stack(returns)


def flags():
    first, last, terminal, rewarded = (torch.zeros(T, B) for _ in range(4))
    first[2, 1] = last[1, 1] = terminal[1, 1] = 1
    rewarded[:] = 1
    rewarded[2, 1] = 0
    first[0, 0] = 1
    return first, last, terminal, rewarded


def open_loop(model, name, deters, stochs, action, reward, sensed, first):
    """Rewards and proprioception predicted over 1 … D steps from every observed one: means of their losses."""
    ahead = uniform(name("ahead"), model.distance, model.seen, B, GROUPS * CLASSES)
    reward_sum, sensed_sum, count = torch.zeros(()), torch.zeros(()), torch.zeros(())
    for t in range(model.seen):
        deter, stoch, valid = deters[t], stochs[t], torch.ones(B)
        for d in range(1, model.distance + 1):
            if t + d >= T:
                break
            valid = valid * (1 - first[t + d])
            deter = model.core(deter, stoch, action[t + d])
            late = model.seen - min(model.seen, T - d)
            stoch = model.belief(model.prior(deter, stoch)).sample(ahead[d - 1, t + late])
            features = torch.cat([deter, stoch], -1)
            reward_sum = reward_sum - (valid * model.reward(features).log_prob(reward[t + d])).sum()
            error = ((model.sense(features) - symlog(sensed[t + d])) ** 2).sum(-1)
            sensed_sum, count = sensed_sum + (valid * error).sum(), count + valid.sum()
    return reward_sum / count, sensed_sum / count


def update(model, number, running):
    name = lambda field: f"{field}/{number}"  # noqa: E731
    seen, certain, scales = model.seen, model.certain, model.scales
    starts = min(STARTS, seen)
    action, reward = data(name("action"), T, B, A) / 1.5, data(name("reward"), T, B)
    first, last, terminal, rewarded = flags()
    sensed = data(name("proprioception"), T, B, model.sensed) if model.sensed else None
    shown = image(name("image_scene"), seen, B, 64, 64, 3) if model.kind else None
    embedding = model.encode(
        shown.flatten(0, 1) if model.kind else None, sensed[:seen].flatten(0, 1) if model.sensed else None
    ).reshape(seen, B, -1)
    noise = uniform(name("observation"), seen, B, GROUPS * CLASSES)
    deter, stoch = torch.zeros(B, DETER), torch.zeros(B, GROUPS * CLASSES + certain)
    deters, stochs, posts, befores = [], [], [], []
    for t in range(seen):
        keep = (1 - first[t]).unsqueeze(-1)
        befores.append(stoch * keep)
        deter = model.core(deter * keep, stoch * keep, action[t] * keep)
        statistics = model.posterior(deter, embedding[t])
        stoch = model.belief(statistics).sample(noise[t])
        deters.append(deter), stochs.append(stoch), posts.append(statistics)
    deter, stoch, post, before = (torch.cat(parts) for parts in (deters, stochs, posts, befores))
    prior = model.prior(deter, before)
    features = torch.cat([deter, stoch], -1)
    counted = (0 if model.expect_first else 1) * B

    def divergence(posterior, prior):
        return model.belief(posterior).kl(model.belief(prior)).clamp(min=FREE)[counted:].mean()

    losses = {
        "dynamics": divergence(post.detach(), prior),
        "representation": divergence(post, prior.detach()),
        "reward": -(model.reward(features).log_prob(reward[:seen].flatten()) * rewarded[:seen].flatten()).mean(),
        "continuation": F.binary_cross_entropy_with_logits(model.goes_on(features), 1 - terminal[:seen].flatten()),
    }
    weights = {"representation": REPRESENTATION, "reward": scales["reward"]}
    if model.kind:
        some = list(range(model.every - 1, seen, model.every))
        painted = model.paint(features.reshape(seen, B, -1)[some].flatten(0, 1))
        losses["image"] = observation_loss(painted, shown[some].flatten(0, 1), model.salience)
        weights["image"] = scales["image"]
    if model.sensed:
        error = model.sense(features) - symlog(sensed[:seen].flatten(0, 1))
        losses["proprioception"] = (error**2).sum(-1).mean()
        weights["proprioception"] = scales["proprioception"]
    if scales["frame"]:
        found = model.mlp("frameReward", embedding.flatten(0, 1), [UNITS], 1).reshape(seen, B)
        losses["frame"] = ((found - reward[:seen]) ** 2 * rewarded[:seen]).mean()
        weights["frame"] = scales["frame"]
    if scales["ahead"]:
        losses["rewardAhead"], losses["proprioceptionAhead"] = open_loop(
            model, name, deters, stochs, action, reward, sensed, first
        )
        weights["rewardAhead"] = scales["ahead"] * scales["reward"]
        weights["proprioceptionAhead"] = scales["ahead"] * scales["proprioception"]
    total = sum(weights.get(key, 1) * value for key, value in losses.items())

    count = starts * B
    action_noise = data(name("imagination/actions"), HORIZON, count, A)
    state_noise = uniform(name("imagination/states"), HORIZON, count, GROUPS * CLASSES)
    model.frozen = True
    with torch.set_grad_enabled(model.through_dynamics):
        d, s = deter[-count:].detach(), stoch[-count:].detach()
        states, actions = [torch.cat([d, s], -1)], []
        for t in range(HORIZON):
            policy = model.actor(states[-1].detach())
            actions.append(policy.mean + policy.stddev * action_noise[t])
            d = model.core(d, s, actions[-1].clamp(-1, 1))
            s = model.belief(model.prior(d, s)).sample(state_noise[t])
            states.append(torch.cat([d, s], -1))
        states, actions = torch.stack(states), torch.stack(actions)
        values = model.value(states).mean()
        discounts = DISCOUNT * torch.sigmoid(model.goes_on(states))
        shares = torch.full((HORIZON, 1), LAMBDA)
        returns = lambda_return(model.reward(states).mean()[1:], discounts[1:], values[1:], shares)
        weights = torch.cumprod(discounts, 0)[:-1] / DISCOUNT
        low, high = (float(numpy.percentile(returns.detach().numpy(), p)) for p in (5, 95))
        running = [running[0] + RATE * (low - running[0]), running[1] + RATE * (high - running[1])]
        spread = max(1, running[1] - running[0])
        advantages = (returns - values[:-1]) / spread
        slow = model.value(states[:-1], slow=True).mean()
    model.frozen = False
    objective = returns / spread
    states, weights, returns, slow = states.detach(), weights.detach(), returns.detach(), slow.detach()
    policy, critic = model.actor(states[:-1]), model.value(states[:-1])
    entropy = policy.entropy().sum(-1)
    if not model.through_dynamics:
        objective = policy.log_prob(actions).sum(-1) * advantages
    losses["policy"] = -(weights * (objective + ENTROPY * entropy)).mean()
    losses["value"] = -(weights * (critic.log_prob(returns) + SLOW * critic.log_prob(slow))).mean()

    recent = features[-count:]
    late = slice(seen - starts, seen)
    shares = LAMBDA * (1 - last[late][1:])
    replayed = lambda_return(
        reward[late][1:], DISCOUNT * (1 - terminal[late][1:]), returns[0].reshape(starts, B)[1:], shares
    )
    critic = model.value(recent[:-B])
    slow_replayed = model.value(recent[:-B], slow=True).mean().detach()
    fit = critic.log_prob(replayed.flatten()) + SLOW * critic.log_prob(slow_replayed)
    losses["replayValue"] = -((1 - last[late][:-1]).flatten() * fit).mean()
    loss = total + losses["policy"] + losses["value"] + REPLAY * losses["replayValue"]
    figures = {key: value.item() for key, value in losses.items()}
    figures |= {"loss": loss.item(), "entropy": entropy.mean().item(), "meanReturn": returns.mean().item()}
    return loss, figures, running


def step(model, moments, count):
    """LaProp after clipping each gradient by its parameter's norm; then the slow critic follows."""
    with torch.no_grad():
        for name, weight in model.weights.items():
            gradient = weight.grad if weight.grad is not None else torch.zeros_like(weight)
            allowed = CLIP * max(float(weight.norm()), 1e-3)
            gradient = gradient * min(1, allowed / (float(gradient.norm()) + 1e-6))
            mean, square = moments.setdefault(name, [torch.zeros_like(weight), torch.zeros_like(weight)])
            square.mul_(0.999).add_(0.001 * gradient**2)
            mean.mul_(0.9).add_(0.1 * gradient / (torch.sqrt(square / (1 - 0.999**count)) + 1e-20))
            weight -= LEARNING_RATE * mean / (1 - 0.9**count)
        for name, slow in model.slow.items():
            slow += TAU * (model.weights[name] - slow)


result = {}
for case, options in CASES.items():
    model, moments, running, updates = Dreamer(**options), {}, [0.0, 0.0], []
    for number in range(2):
        loss, figures, running = update(model, number, running)
        updates.append({**figures, "model/gradientNorm": model.gradient_norm(loss)})
        step(model, moments, number + 1)
    result[case] = {"updates": updates, "running": running}
print(
    json.dumps(
        {"script": "dreamer_v3.py", "torch": torch.__version__, "numpy": numpy.__version__, "tolerance": 1e-4, **result},
        indent=1,
    )
)
assert math.isfinite(loss.item()) and tensor([1.0]).dtype == torch.float64
