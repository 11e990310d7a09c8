"""Losses, gradient norms and plans of TD-MPC2 from its equations, in PyTorch, on weights, noise and data made by formula.

Run: python3 test/golden/learning/td_mpc2.py > test/golden/learning/td-mpc2.json
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

BATCH, HORIZON, ACTION = 4, 3, 2
ENCODER, UNITS, LATENT, SIMPLEX, HEADS, BINS, LIMIT = 12, 16, 8, 4, 5, 21, 10
STEP_WEIGHT, TAU, ENTROPY, MAX_NORM, RATE, ENCODER_SHARE = 0.5, 0.01, 0.01, 0.5, 3e-3, 0.3
DISCOUNTS = [0.97, 0.9]
CANDIDATES, POLICY_CANDIDATES, ELITES, ITERATIONS, TEMPERATURE, MIN_STD, MAX_STD = 16, 4, 5, 3, 0.5, 0.05, 2
CASES = {
    "state": {"proprioception": 6, "channels": 0, "frames": 1, "tasks": None, "dropout": 0},
    "pixels": {"proprioception": 0, "channels": 4, "frames": 1, "tasks": None, "dropout": 0},
    "frames": {"proprioception": 6, "channels": 0, "frames": 3, "tasks": None, "dropout": 0},
    "dropout": {"proprioception": 6, "channels": 0, "frames": 1, "tasks": None, "dropout": 0.2},
    "tasks": {"proprioception": 6, "channels": 0, "frames": 1, "tasks": {"action_sizes": [2, 1], "embedding": 3}, "dropout": 0},
}


VALUE_SCALE = 8  # else all values are so alike that their running scale stays at 1


def start(name, shape):
    return tensor(fill.weights(name, shape) * (VALUE_SCALE if name.endswith("value/out/weight") else 1))


def tensor(array):
    return torch.tensor(numpy.asarray(array, dtype=numpy.float64))


class Twin:
    def __init__(self, proprioception, channels, frames, tasks, dropout):
        self.proprioception, self.channels, self.frames, self.tasks = proprioception, channels, frames, tasks
        self.dropout = dropout
        self.weights, self.targets = {}, {}
        self.task = None

    def weight(self, name, *shape, target=False):
        if name not in self.weights:
            self.weights[name] = start(name, shape).requires_grad_()
            self.targets[name] = start(f"target/{name}", shape)
        return (self.targets if target else self.weights)[name]

    def linear(self, name, x, units):
        return x @ self.weight(f"{name}/weight", x.shape[-1], units) + self.weight(f"{name}/bias", units)

    def norm(self, name, x):
        size = x.shape[-1]
        return F.layer_norm(x, (size,), self.weight(f"{name}/gain", size), self.weight(f"{name}/bias", size))

    def mlp(self, name, x, hidden, output):
        for i, units in enumerate(hidden):
            x = F.mish(self.norm(f"{name}/norm{i}", self.linear(f"{name}/linear{i}", x, units)))
        return self.linear(f"{name}/out", x, output)

    def simplices(self, x):
        return torch.softmax(x.reshape(*x.shape[:-1], -1, SIMPLEX), -1).reshape(x.shape)

    def mark(self, x):
        """Appends the embedding of each row's task; rows repeat the batch step by step."""
        if not self.tasks:
            return x
        table = self.weight("task/weight", len(self.tasks["action_sizes"]), self.tasks["embedding"])
        vectors = table[self.task]
        vectors = vectors / vectors.norm(dim=-1, keepdim=True).clamp(min=1).detach()
        return torch.cat([x, vectors.repeat(x.shape[0] // len(self.task), 1)], -1)

    def mask(self, x):
        if not self.tasks:
            return x
        used = torch.arange(ACTION)[None] < torch.tensor(self.tasks["action_sizes"])[self.task][:, None]
        return x * used.repeat(x.shape[0] // len(self.task), 1)

    def encode(self, images, proprioception, first, steps):
        """States at some steps, each from the frames up to there, the newest first. Inputs have frames - 1 steps of context."""
        context = self.frames - 1
        stacks = []
        for back in range(self.frames):
            span = slice(first + context - back, first + context - back + steps)
            pick = lambda x: None if x is None else x[span].flatten(0, 1)  # noqa: B023, E731
            stacks.append(self.sense(pick(images), pick(proprioception)))
        x = torch.cat(stacks, -1)
        return self.simplices(self.norm("encoder/norm", self.mlp("encoder", self.mark(x), [ENCODER], LATENT)))

    def sense(self, image, proprioception):
        if self.channels:
            x = (image / 255 - 0.5).permute(0, 3, 1, 2)
            for i, (kernel, stride) in enumerate([(7, 2), (5, 2), (3, 2), (3, 1)]):
                name = f"encoder/scene/conv{i}"
                kernels = self.weight(f"{name}/weight", kernel, kernel, x.shape[1], self.channels)
                x = F.conv2d(x, kernels.permute(3, 2, 0, 1), self.weight(f"{name}/bias", self.channels), stride=stride)
                x = F.relu(x) if i < 3 else x
            return x.permute(0, 2, 3, 1).flatten(1)
        return proprioception

    def next(self, latent, action):
        x = self.mark(torch.cat([latent, self.mask(action)], -1))
        return self.simplices(self.norm("dynamics/norm", self.mlp("dynamics", x, [UNITS, UNITS], LATENT)))

    def reward(self, latent, action):
        return self.mlp("reward", self.mark(torch.cat([latent, self.mask(action)], -1)), [UNITS, UNITS], BINS)

    def values(self, latent, action, heads, target=False, noise=None):
        """Heads with dropout of their first hidden layer where there is noise: rows [E, N, 1] and units [E, 1, U] of uniforms."""
        x = self.mark(torch.cat([latent, self.mask(action)], -1))
        logits = []
        for member, head in enumerate(heads):
            h = x
            for i in range(2):
                w = self.weight(f"value/linear{i}/weight", HEADS, h.shape[-1], UNITS, target=target)[head]
                h = h @ w + self.weight(f"value/linear{i}/bias", HEADS, 1, UNITS, target=target)[head]
                if i == 0 and noise is not None:
                    kept = (noise[0][member] + noise[1][member]) % 1 >= self.dropout
                    h = h * kept / (1 - self.dropout)
                gain = self.weight(f"value/norm{i}/gain", HEADS, 1, UNITS, target=target)[head, 0]
                bias = self.weight(f"value/norm{i}/bias", HEADS, 1, UNITS, target=target)[head, 0]
                h = F.mish(F.layer_norm(h, (UNITS,), gain, bias))
            w = self.weight("value/out/weight", HEADS, UNITS, BINS, target=target)[head]
            logits.append(h @ w + self.weight("value/out/bias", HEADS, 1, BINS, target=target)[head])
        return torch.stack(logits)

    def act(self, latent, noise):
        mean, raw = self.mlp("policy", self.mark(latent), [UNITS, UNITS], 2 * ACTION).chunk(2, -1)
        log_std = -10 + 0.5 * 12 * (torch.tanh(raw) + 1)
        before = mean + noise * log_std.exp()
        log_prob = -0.5 * noise**2 - log_std - 0.5 * math.log(2 * math.pi) - torch.log(1 - torch.tanh(before) ** 2)
        return self.mask(torch.tanh(before)), self.mask(log_prob).sum(-1)


def bins():
    return torch.linspace(-LIMIT, LIMIT, BINS)


def expected(logits):
    x = (torch.softmax(logits, -1) * bins()).sum(-1)
    return torch.sign(x) * (torch.exp(x.abs()) - 1)


def cross_entropy(logits, value):
    x = torch.sign(value) * torch.log1p(value.abs())
    place = (x.clamp(-LIMIT, LIMIT) + LIMIT) / (2 * LIMIT / (BINS - 1))
    low = place.floor().long().clamp(0, BINS - 2)
    share = place - low
    two_hot = torch.zeros(*value.shape, BINS)
    two_hot.scatter_(-1, low[..., None], (1 - share)[..., None])
    two_hot.scatter_(-1, low[..., None] + 1, share[..., None])
    return -(two_hot * torch.log_softmax(logits, -1)).sum(-1)


def pair(noise):
    return noise.argsort(descending=True)[:2].tolist()


def norm_of(tensors):
    return math.sqrt(sum(float((t.grad**2).sum()) for t in tensors))


def group_of(name):
    return name.split("/")[0] if name.split("/")[0] in ("encoder", "value", "policy") else "model"


def fields(case, update):
    def data(name, *shape):
        return tensor(fill.data(f"{name}/{update}", shape))

    image, count = None, HORIZON + case["frames"]
    if case["channels"]:
        image = tensor(fill.data(f"image_scene/{update}", (count, BATCH, 64, 64, 3), "uint8"))
    return {
        "image": image,
        "proprioception": data("proprioception", count, BATCH, case["proprioception"]) if case["proprioception"] else None,
        "actions": data("actions", HORIZON, BATCH, ACTION) / 1.5,
        "rewards": data("rewards", HORIZON, BATCH) * (1 if update == 0 else 20),
        "targetNoise": data("targetNoise", HORIZON * BATCH, ACTION),
        "policyNoise": data("policyNoise", (HORIZON + 1) * BATCH, ACTION),
        "targetHeads": data("targetHeads", HEADS),
        "policyHeads": data("policyHeads", HEADS),
        "valueDropoutRows": data("valueDropoutRows", HEADS, HORIZON * BATCH, 1) % 1,
        "valueDropoutUnits": data("valueDropoutUnits", HEADS, 1, UNITS) % 1,
        "policyDropoutRows": data("policyDropoutRows", 2, (HORIZON + 1) * BATCH, 1) % 1,
        "policyDropoutUnits": data("policyDropoutUnits", 2, 1, UNITS) % 1,
    }


def run_updates(case, updates):
    twin = Twin(**case)
    scale, reports, moments = 1.0, [], {}
    for update in range(updates):
        batch = fields(case, update)
        if case["tasks"]:  # the end of the proprioception says the task
            twin.task = batch["proprioception"][0, :, -len(case["tasks"]["action_sizes"]) :].argmax(-1)
        with torch.no_grad():
            reached = twin.encode(batch["image"], batch["proprioception"], 1, HORIZON)
            action, _ = twin.act(reached, batch["targetNoise"])
            heads = pair(batch["targetHeads"])
            values = expected(twin.values(reached, action, heads, target=True)).min(0).values
            discount = DISCOUNTS[0] if twin.task is None else tensor(DISCOUNTS)[twin.task].repeat(HORIZON)
            returns = batch["rewards"].flatten() + discount * values
        latents = [twin.encode(batch["image"], batch["proprioception"], 0, 1)]
        parts = {"consistency": 0, "reward": 0, "value": 0}
        for t in range(HORIZON):
            z, a, span = latents[t], batch["actions"][t], slice(t * BATCH, (t + 1) * BATCH)
            latents.append(twin.next(z, a))
            weight = STEP_WEIGHT**t / HORIZON
            parts["consistency"] += weight * ((latents[t + 1] - reached[span]) ** 2).mean()
            parts["reward"] += weight * cross_entropy(twin.reward(z, a), batch["rewards"][t]).mean()
            dropped = (batch["valueDropoutRows"][:, span], batch["valueDropoutUnits"]) if case["dropout"] else None
            logits = twin.values(z, a, range(HEADS), noise=dropped)
            parts["value"] += weight * cross_entropy(logits, returns[span].expand(HEADS, BATCH)).mean()
        loss = 20 * parts["consistency"] + 0.1 * parts["reward"] + 0.1 * parts["value"]
        report = {name: value.item() for name, value in parts.items()} | {"loss": loss.item()}

        def step(loss, names, epsilon):
            for w in twin.weights.values():
                w.grad = None
            loss.backward()
            members = {n: w for n, w in twin.weights.items() if group_of(n) in names}
            for w in members.values():
                w.grad = torch.zeros_like(w) if w.grad is None else w.grad
            total = norm_of(members.values())
            factor = min(1, MAX_NORM / (total + 1e-6))
            for n, w in members.items():
                mean, variance = moments.get(n, (torch.zeros_like(w), torch.zeros_like(w)))
                g = w.grad * factor
                mean, variance = 0.9 * mean + 0.1 * g, 0.999 * variance + 0.001 * g**2
                moments[n] = (mean, variance)
                rate = RATE * (ENCODER_SHARE if group_of(n) == "encoder" else 1)
                a, b = mean / (1 - 0.9 ** (update + 1)), variance / (1 - 0.999 ** (update + 1))
                with torch.no_grad():
                    w -= rate * a / (b.sqrt() + epsilon)
            return total

        # The policy's own weights are needed as they were: it is trained after the model, on latents from before.
        imagined = torch.cat(latents).detach()
        report["model/gradientNorm"] = step(loss, ("encoder", "model", "value"), 1e-8)
        action, log_prob = twin.act(imagined, batch["policyNoise"])
        dropped = (batch["policyDropoutRows"], batch["policyDropoutUnits"]) if case["dropout"] else None
        values = expected(twin.values(imagined, action, pair(batch["policyHeads"]), noise=dropped)).mean(0)
        spread = torch.quantile(values[:BATCH].detach(), tensor([0.05, 0.95]))
        scale = (1 - TAU) * scale + TAU * max(1.0, (spread[1] - spread[0]).item())
        weights = tensor([STEP_WEIGHT**t for t in range(HORIZON + 1)]).repeat_interleave(BATCH) / (BATCH * (HORIZON + 1))
        policy = -((values / scale - ENTROPY * log_prob) * weights).sum()
        report |= {"policy": policy.item(), "scale": scale, "meanValue": values.mean().item(), "logProb": log_prob.mean().item()}
        report["policy/gradientNorm"] = step(policy, ("policy",), 1e-5)
        for n in twin.targets:
            if group_of(n) == "value":
                twin.targets[n] += TAU * (twin.weights[n].detach() - twin.targets[n])
        reports.append(report)
    return reports


def plan(case):
    """One search; the noise is cut as the planner asks for it. With no update in between, weights are those of the formula."""
    twin = Twin(**case)
    proposals = CANDIDATES - POLICY_CANDIDATES
    per_iteration = HORIZON * proposals * ACTION + CANDIDATES * (ACTION + HEADS)
    total = POLICY_CANDIDATES * HORIZON * ACTION + ITERATIONS * per_iteration
    noise = tensor(fill.data("noise", (total,)))
    place = 0

    def take(*shape):
        nonlocal place
        place += math.prod(shape)
        return noise[place - math.prod(shape) : place].reshape(shape)

    with torch.no_grad():
        size = LATENT + (case["frames"] - 1) * case["proprioception"]  # behind the state lie earlier observations
        tasks = len(case["tasks"]["action_sizes"]) if case["tasks"] else 0
        given = tensor(fill.data("latent", (1, size + tasks)))
        twin.task = given[:, size:].argmax(-1) if tasks else None
        latent = twin.simplices(given[:, :LATENT])
        mean, std = tensor(fill.data("previous_mean", (HORIZON, ACTION))).clamp(-1, 1), torch.full((HORIZON, ACTION), float(MAX_STD))
        z, prior = latent.expand(POLICY_CANDIDATES, -1), []
        for _ in range(HORIZON):
            prior.append(twin.act(z, take(POLICY_CANDIDATES, ACTION))[0])
            z = twin.next(z, prior[-1])
        prior = torch.stack(prior)
        for _ in range(ITERATIONS):
            proposed = (mean[:, None] + std[:, None] * take(HORIZON, proposals, ACTION)).clamp(-1, 1)
            actions = torch.cat([prior, proposed], 1)
            z, returns = latent.expand(CANDIDATES, -1), 0
            for t in range(HORIZON):
                returns = returns + DISCOUNTS[0] ** t * expected(twin.reward(z, actions[t]))
                z = twin.next(z, actions[t])
            draws = take(CANDIDATES, ACTION + HEADS)
            last, _ = twin.act(z, draws[:, :ACTION])
            returns = returns + DISCOUNTS[0] ** HORIZON * expected(twin.values(z, last, pair(draws[0, ACTION:]))).mean(0)
            best = returns.topk(ELITES)
            weights = torch.softmax(TEMPERATURE * best.values, 0)
            elites = actions[:, best.indices]
            mean = (weights[None, :, None] * elites).sum(1)
            std = (weights[None, :, None] * (elites - mean[:, None]) ** 2).sum(1).sqrt().clamp(MIN_STD, MAX_STD)
        return {"actions": mean.flatten().tolist(), "std": std.flatten().tolist(), "value": [(weights * best.values).sum().item()]}


result = {name: {"updates": run_updates(case, 2), "plan": plan(case)} for name, case in CASES.items()}
versions = {"script": "td_mpc2.py", "torch": torch.__version__, "numpy": numpy.__version__, "tolerance": 1e-4}
print(json.dumps({**versions, **result}, indent=1))
