"""Plans of CEM, MPPI and random shooting on a small random model, computed with NumPy in double precision.

Writes plans.json beside this file. Run: python3 make_plans.py (NumPy 1.24 or later; seed 7).
The test allows a relative error of 1e-4. Every choice of elites has a margin of at least 1e-4 in return, so that
rounding cannot change it.
"""

import json
import math
import pathlib

import numpy as np

L, A = 4, 2
rng = np.random.default_rng(7)


def table(*shape, scale=0.5):
    return np.round(rng.normal(size=shape) * scale, 4)


weights = {
    "dynamics": table(L + A, L),
    "reward": table(L + A + L, 1),
    "value": table(L, 1),
    "policy": table(L, A),
    "continuation": table(L, 1),
    "uncertainty": table(L + A, 1),
}


def next_latent(z, a, noise):
    z = np.tanh(np.hstack([z, a]) @ weights["dynamics"])
    return z if noise is None else z + 0.1 * noise


def reward(z, a, z_next):
    return np.hstack([z, a, z_next]) @ weights["reward"] - 0.1 * (a**2).sum(1, keepdims=True)


def value(z, noise):
    return z @ weights["value"] + 0.05 * noise[:, :1]


def policy(z, noise):
    return np.tanh(z @ weights["policy"] + 0.3 * noise)


def continuation(z):
    return 1 / (1 + np.exp(-(2 + z @ weights["continuation"])))


def uncertainty(z, a):
    return np.abs(np.hstack([z, a]) @ weights["uncertainty"])


class Noise:
    def __init__(self, values):
        self.values, self.offset = values, 0

    def take(self, *shape):
        count = math.prod(shape)
        self.offset += count
        return self.values[self.offset - count : self.offset].reshape(shape)


def returns_of(z, candidates, noise, c, use):
    H, N, _ = candidates.shape
    z = np.repeat(z, N, 0)
    total, alive = np.zeros((N, 1)), np.ones((N, 1))
    for t in range(H):
        z_next = next_latent(z, candidates[t], noise.take(N, L) if use["stochastic"] else None)
        r = reward(z, candidates[t], z_next)
        r = r - c["uncertaintyPenalty"] * uncertainty(z, candidates[t])
        total += c["discount"] ** t * alive * r
        if use["continuation"]:
            alive = alive * continuation(z_next)
        z = z_next
    if use["value"]:
        total += c["discount"] ** H * alive * value(z, noise.take(N, A))
    return total[:, 0]


def policy_rollouts(z, noise, c, use):
    P, H = c["policyCandidates"], c["horizon"]
    z, actions = np.repeat(z, P, 0), []
    for t in range(H):
        a = policy(z, noise.take(P, A))
        actions.append(a)
        if t < H - 1:
            z = next_latent(z, a, noise.take(P, L) if use["stochastic"] else None)
    return np.stack(actions)


def plan(method, z, previous_mean, values, c, use):
    noise = Noise(values)
    H, N, P, K = c["horizon"], c["candidates"], c["policyCandidates"], c["elites"]
    low, high = np.array(c.get("actionLow", [-1] * A)), np.array(c.get("actionHigh", [1] * A))
    prior = np.clip(policy_rollouts(z, noise, c, use), low, high) if P else np.zeros((H, 0, A))
    mean, std = np.clip(previous_mean, low, high), np.full((H, A), float(c["maxStd"]))
    for _ in range(c["iterations"]):
        normals = noise.take(H, N - P, A)
        if method == "random-shooting":
            uniform = np.vectorize(math.erf)(normals / math.sqrt(2))
            proposed = np.concatenate([mean[:, None], uniform[:, 1:]], 1)
        else:
            proposed = mean[:, None] + std[:, None] * normals
        candidates = np.concatenate([prior, np.clip(proposed, low, high)], 1)
        returns = returns_of(z, candidates, noise, c, use)
        order = np.argsort(-returns)
        assert returns[order[K - 1]] - returns[order[K]] > 1e-4, "too close: choose another seed"
        elite, v = candidates[:, order[:K]], returns[order[:K]]
        w = np.exp(c["temperature"] * (v - v.max())) if method == "mppi" else np.ones(K)
        w = w / w.sum()
        new = (w[None, :, None] * elite).sum(1)
        std = np.sqrt((w[None, :, None] * (elite - new[:, None]) ** 2).sum(1)).clip(c["minStd"], c["maxStd"])
        mean = c["momentum"] * mean + (1 - c["momentum"]) * new
        best = (w * v).sum()
    assert noise.offset == len(values), (noise.offset, len(values))
    return mean, std, best


def noise_count(c, use):
    H, N, P = c["horizon"], c["candidates"], c["policyCandidates"]
    step = L if use["stochastic"] else 0
    start = P * (H * A + (H - 1) * step)
    return start + c["iterations"] * (H * (N - P) * A + N * (H * step + (A if use["value"] else 0)))


plain = {"value": False, "continuation": False, "stochastic": False}
full = {"value": True, "continuation": True, "stochastic": True}
base = {
    "horizon": 4, "iterations": 3, "candidates": 40, "policyCandidates": 0, "elites": 6, "discount": 0.97,
    "temperature": 0, "momentum": 0, "minStd": 0, "maxStd": 1, "uncertaintyPenalty": 0,
}  # fmt: skip
limits = {"actionLow": [-0.5, -0.2], "actionHigh": [0.3, 0.9]}
cases = [
    ("cem", base, plain),
    ("cem", {**base, "policyCandidates": 5, "momentum": 0.2, "uncertaintyPenalty": 0.3, **limits}, full),
    ("mppi", {**base, "temperature": 2, "minStd": 0.05, "maxStd": 2}, plain),
    ("mppi", {**base, "temperature": 0.5, "momentum": 0.1, "policyCandidates": 5, "uncertaintyPenalty": 0.3}, full),
    ("random-shooting", {**base, "elites": 1}, plain),
    ("random-shooting", {**base, "elites": 1, "iterations": 2, "policyCandidates": 5, **limits}, full),
]

out = []
for method, c, use in cases:
    z = table(1, L)
    previous = table(c["horizon"], A)
    values = np.round(rng.normal(size=noise_count(c, use)), 4)
    mean, std, best = plan(method, z, previous, values, c, use)
    out.append(
        {
            "method": method, "config": c, "use": use, "latent": z.ravel().tolist(),
            "previousMean": previous.ravel().tolist(), "noise": values.tolist(),
            "mean": mean.ravel().tolist(), "std": std.ravel().tolist(), "value": best,
        }
    )  # fmt: skip
path = pathlib.Path(__file__).with_name("plans.json")
shaped = {name: {"shape": w.shape, "values": w.ravel().tolist()} for name, w in weights.items()}
path.write_text(json.dumps({"numpy": np.__version__, "seed": 7, "weights": shaped, "cases": out}))
