"""The PyTorch side of `latentloop bench train|plan`: the same networks, weights and batches in eager mode.

Started by the bench with one network. Reads one JSON command per line from stdin and answers each with one JSON line:
  {"do": "run", "count": n}    n training steps or plans on one batch → {"seconds": …, "cpuSeconds": …, "peakMb": …}
  {"do": "loss"}               → {"loss": …} of the start weights on that batch
  {"do": "curve", "count": n}  n training steps over the stored data set → {"losses": […]}
  {"do": "plan"}               → {"actions": […]}
Needs PyTorch 1.13 or later and NumPy.
"""

import argparse
import json
import math
import resource
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

DTYPES = {"F32": np.float32, "U8": np.uint8}


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            array = np.frombuffer(data[begin:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
            tensors[name] = torch.from_numpy(array.copy())
    return tensors


def torch_layout(name, x):
    """From our layouts to PyTorch's own, so that both sides run on what they are fastest with."""
    if x.ndim == 2 and name.lower().endswith("weight"):
        return x.t().contiguous()  # [I, O] → [O, I]
    if x.ndim == 4 and name.startswith("encoder/"):
        return x.permute(3, 2, 0, 1).contiguous()  # [y, x, C, O] → [O, C, y, x]
    if x.ndim == 4:
        return x.permute(0, 3, 1, 2).contiguous()  # [I, y, x, O] → [I, O, y, x]
    return x


def linear(p, scope, x):
    return F.linear(x, p[scope + "/weight"], p[scope + "/bias"])


def layer_norm(p, scope, x):
    return F.layer_norm(x, x.shape[-1:], p[scope + "/gain"], p[scope + "/bias"])


def mlp(p, scope, x, hidden, activation, normalized=False):
    for i in range(hidden):
        x = linear(p, f"{scope}/linear{i}", x)
        if normalized:
            x = layer_norm(p, f"{scope}/norm{i}", x)
        x = activation(x)
    return linear(p, scope + "/out", x)


class ConvVae:
    learning_rate, max_norm = {"": 3e-4}, 1000

    def loss(self, p, batch):
        image = (batch["image"].float() / 255 - 0.5).permute(0, 3, 1, 2).contiguous()
        x = image
        for i in range(4):
            x = F.relu(F.conv2d(x, p[f"encoder/conv{i}/weight"], p[f"encoder/conv{i}/bias"], stride=2))
        # Our feature maps end in channels: flatten them in that order.
        mean, log_variance = linear(p, "latent", x.permute(0, 2, 3, 1).flatten(1)).chunk(2, -1)
        latent = mean + (0.5 * log_variance).exp() * batch["noise"]
        x = linear(p, "decoder/start", latent)[:, :, None, None]
        for i in range(4):
            x = F.conv_transpose2d(x, p[f"decoder/conv{i}/weight"], p[f"decoder/conv{i}/bias"], stride=2)
            if i < 3:
                x = F.relu(x)
        size = len(image)
        reconstruction = (x - image).square().sum() * (0.5 / size)
        divergence = (mean.square() + log_variance.exp() - log_variance - 1).sum() * (0.5 / size)
        return reconstruction + divergence


class Rssm:
    learning_rate, max_norm = {"": 6e-4}, 100

    def loss(self, p, batch):
        embedding, action, reward, noise = (batch[name] for name in ("embedding", "action", "reward", "noise"))
        steps, size = reward.shape

        def gaussian(scope, x):
            mean, raw = mlp(p, scope, x, 1, F.elu).chunk(2, -1)
            return mean, F.softplus(raw) + 0.1

        deter, stoch = torch.zeros(size, 200), torch.zeros(size, 30)
        deters, stochs, means, deviations = [], [], [], []
        weights = [p["gru/" + name] for name in ("inputWeight", "hiddenWeight", "inputBias", "hiddenBias")]
        for t in range(steps):
            x = F.elu(linear(p, "input", torch.cat([stoch, action[t]], -1)))
            deter = torch.gru_cell(x, deter, *weights)
            mean, deviation = gaussian("posterior", torch.cat([deter, embedding[t]], -1))
            stoch = mean + deviation * noise[t]
            for values, value in zip((deters, stochs, means, deviations), (deter, stoch, mean, deviation)):
                values.append(value)
        deter, stoch, mean, deviation = (torch.cat(values) for values in (deters, stochs, means, deviations))
        prior_mean, prior_deviation = gaussian("prior", deter)
        spread = deviation.square() + (mean - prior_mean).square()
        divergence = (prior_deviation / deviation).log() + spread / (2 * prior_deviation.square()) - 0.5
        rows = steps * size
        features = torch.cat([deter, stoch], -1)
        reconstruction = mlp(p, "reconstruction", features, 1, F.elu) - embedding.reshape(rows, -1)
        reward_error = mlp(p, "reward", features, 1, F.elu) - reward.reshape(rows, 1)
        likelihood = (reconstruction.square().sum() + reward_error.square().sum()) * (0.5 / rows)
        return likelihood + (divergence.sum() / rows).clamp(min=3)


class ActBlock:
    learning_rate, max_norm = {"": 1e-5}, None

    def loss(self, p, batch):
        x = batch["tokens"]
        size, length, width = x.shape
        heads = 8

        def project(name):
            return linear(p, "self/" + name, x).view(size, length, heads, -1).transpose(1, 2)

        q, k, v = project("query"), project("key"), project("value")
        weights = (q @ k.transpose(-1, -2) * (1 / math.sqrt(width // heads))).softmax(-1)
        mixed = (weights @ v).transpose(1, 2).reshape(size, length, width)
        x = layer_norm(p, "selfNorm", x + linear(p, "self/out", mixed))
        wide = F.relu(linear(p, "feedForward0", x))
        x = layer_norm(p, "feedForwardNorm", x + linear(p, "feedForward1", wide))
        return F.mse_loss(x, batch["wanted"])


def symlog(x):
    return x.sign() * x.abs().log1p()


def symexp(x):
    return x.sign() * x.abs().expm1()


class Planner:
    """A search over a model's `next`, `reward` and, where it has them, `value` and `act`: CEM, or MPPI with a temperature."""

    @torch.no_grad()
    def plan(self, p, batch, c):
        horizon, count, prior, elites = c["horizon"], c["candidates"], c["policyCandidates"], c["elites"]
        mean, noise, offset = batch["previous_mean"].clamp(-1, 1), batch["noise"], 0
        actions = mean.shape[-1]

        def take(*shape):
            nonlocal offset
            offset += math.prod(shape)
            return noise[offset - math.prod(shape) : offset].view(shape)

        proposals = []
        if prior > 0:
            z = batch["latent"].expand(prior, -1)
            for t in range(horizon):
                a, _ = self.act(p, z, take(prior, actions))
                proposals.append(a)
                if t < horizon - 1:
                    z = self.next(p, z, a)
            proposals = [torch.stack(proposals)]
        std = torch.full_like(mean, c["maxStd"])
        for _ in range(c["iterations"]):
            sampled = mean[:, None] + std[:, None] * take(horizon, count - prior, actions)
            candidates = torch.cat([*proposals, sampled.clamp(-1, 1)], 1)
            z, returns = batch["latent"].expand(count, -1), 0
            for t in range(horizon):
                reached = self.next(p, z, candidates[t])
                returns = returns + c["discount"] ** t * self.reward_of(p, z, candidates[t], reached)
                z = reached
            if self.value_noise(p, actions) > 0:
                returns = returns + c["discount"] ** horizon * self.value(p, z, take(count, self.value_noise(p, actions)))
            value, index = returns.nan_to_num(0).topk(elites)
            best = candidates[:, index]
            weights = (c["temperature"] * value).softmax(0)[None, :, None]
            mean = (weights * best).sum(1)
            std = (weights * (best - mean[:, None]).square()).sum(1).sqrt().clamp(c["minStd"], c["maxStd"])
        return mean

    def value_noise(self, p, actions):
        """Standard normals that the value of one latent takes; without a value none."""
        return 0


def rms_layers(p, scope, x, hidden):
    for i in range(hidden):
        x = linear(p, f"{scope}/linear{i}", x)
        x = F.silu(x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-4) * p[f"{scope}/norm{i}/gain"])
    return x


def rms_mlp(p, scope, x, hidden):
    return linear(p, scope + "/out", rms_layers(p, scope, x, hidden))


class VaeAgent(Planner):
    def next(self, p, z, a):
        return z + rms_mlp(p, "dynamics", torch.cat([z, a], -1), 2)

    def reward_of(self, p, z, a, reached):
        return rms_mlp(p, "reward", reached, 2)[:, 0]


class Planet(Planner):
    """As published, or with normalized networks and a prior that changes the state before, which ends with what is known."""

    def next(self, p, z, a):
        weights = [p["rssm/core/gru/" + name] for name in ("inputWeight", "hiddenWeight", "inputBias", "hiddenBias")]
        deter = weights[1].shape[1]
        before = z[:, deter:]
        x = torch.cat([before, a], -1)
        if self.normalized(p):
            x = rms_layers(p, "rssm/core/input", x, 1)
        else:
            x = F.relu(linear(p, "rssm/core/input/linear0", x))
        h = torch.gru_cell(x, z[:, :deter], *weights)
        statistics = self.mlp(p, "rssm/prior", h, 1)  # means, deviations, what is known
        drawn = statistics.shape[-1] - before.shape[-1]
        reached = torch.cat([statistics[:, :drawn], statistics[:, 2 * drawn :]], -1)
        return torch.cat([h, before + reached if self.normalized(p) else reached], -1)

    def reward_of(self, p, z, a, reached):
        return self.mlp(p, "reward", reached, 2)[:, 0]

    def mlp(self, p, scope, x, hidden):
        return rms_mlp(p, scope, x, hidden) if self.normalized(p) else mlp(p, scope, x, hidden, F.relu)

    def normalized(self, p):
        return "reward/norm0/gain" in p


class DreamerV3:
    @torch.no_grad()
    def plan(self, p, batch, c):
        hidden = sum(name.startswith("actor/linear") and name.endswith("weight") for name in p)
        return rms_mlp(p, "actor", batch["latent"], hidden).chunk(2, -1)[0].tanh()


class TdMpc2(Planner):
    learning_rate, max_norm = {"": 3e-4, "value": 3e-4, "policy": 3e-4}, 20
    low, high, bins, heads = -10, 10, 101, 5
    scale = 1

    def __init__(self):
        self.places = torch.linspace(self.low, self.high, self.bins)

    def latent(self, p, scope, x, hidden):
        x = layer_norm(p, scope + "/norm", mlp(p, scope, x, hidden, F.mish, True))
        return x.view(len(x), -1, 8).softmax(-1).view(x.shape)

    def encode(self, p, x):
        return self.latent(p, "encoder", x, 1)

    def next(self, p, z, a):
        return self.latent(p, "dynamics", torch.cat([z, a], -1), 2)

    def reward(self, p, z, a):
        return mlp(p, "reward", torch.cat([z, a], -1), 2, F.mish, True)

    def reward_of(self, p, z, a, reached):
        return self.expected(self.reward(p, z, a))

    def values(self, p, z, a, prefix="", choice=None):
        """Logits of the heads, or of the two with the largest normals, all in one batched product."""
        chosen = slice(None) if choice is None else choice.topk(2).indices

        def w(name):
            return p[f"{prefix}value/{name}"][chosen]

        x = torch.cat([z, a], -1).expand(self.heads if choice is None else 2, -1, -1)
        for i in range(2):
            x = torch.baddbmm(w(f"linear{i}/bias"), x, w(f"linear{i}/weight"))
            x = F.layer_norm(x, x.shape[-1:]) * w(f"norm{i}/gain") + w(f"norm{i}/bias")
            x = F.mish(x)
        return torch.baddbmm(w("out/bias"), x, w("out/weight"))

    def value_noise(self, p, actions):
        return actions + self.heads

    def value(self, p, z, noise):
        a, _ = self.act(p, z, noise[:, : -self.heads])
        return self.expected(self.values(p, z, a, choice=noise[0, -self.heads :])).mean(0)

    def act(self, p, z, noise):
        mean, raw = mlp(p, "policy", z, 2, F.mish, True).chunk(2, -1)
        log_std = -10 + 6 * (raw.tanh() + 1)
        before = mean + noise * log_std.exp()
        gaussian = -0.5 * noise.square() - log_std - 0.5 * math.log(2 * math.pi)
        log_slope = 2 * (math.log(2) - before - F.softplus(-2 * before))
        return before.tanh(), (gaussian - log_slope).sum(-1)

    def expected(self, logits):
        return symexp(logits.softmax(-1) @ self.places)

    def cross_entropy(self, logits, value):
        width = (self.high - self.low) / (self.bins - 1)
        place = (symlog(value).clamp(self.low, self.high) - self.low) / width
        index = place.floor().long()
        share = (place - index)[:, None]
        target = torch.zeros(len(value), self.bins)
        target.scatter_(1, index[:, None], 1 - share)
        target.scatter_(1, (index[:, None] + 1) % self.bins, share)
        return -(target * logits.log_softmax(-1)).sum(-1)

    def weights(self, steps, size):
        return 0.5 ** torch.arange(steps).repeat_interleave(size) / (steps * size)

    def loss(self, p, batch):
        observation, action, reward = batch["proprioception"], batch["actions"], batch["rewards"].flatten()
        steps, size, _ = action.shape
        with torch.no_grad():
            reached = self.encode(p, observation[1:].flatten(0, 1))
            following, _ = self.act(p, reached, batch["targetNoise"])
            values = self.expected(self.values(p, reached, following, "target/", batch["targetHeads"]))
            target = reward + 0.99 * values.min(0).values
        latents = [self.encode(p, observation[0])]
        for t in range(steps):
            latents.append(self.next(p, latents[-1], action[t]))
        z, played, weights = torch.cat(latents[:-1]), action.flatten(0, 1), self.weights(steps, size)
        consistency = ((torch.cat(latents[1:]) - reached).square().mean(-1) * weights).sum()
        reward_loss = (self.cross_entropy(self.reward(p, z, played), reward) * weights).sum()
        value_loss = (self.cross_entropy(self.values(p, z, played), target) * weights).sum() / self.heads
        self.latents = torch.cat(latents).detach()
        return 20 * consistency + 0.1 * reward_loss + 0.1 * value_loss

    def policy_loss(self, p, batch):
        chosen, log_prob = self.act(p, self.latents, batch["policyNoise"])
        value = self.expected(self.values(p, self.latents, chosen, choice=batch["policyHeads"])).mean(0)
        steps, size, _ = batch["actions"].shape
        low, high = value[:size].detach().quantile(torch.tensor([0.05, 0.95]))
        self.scale = 0.99 * self.scale + 0.01 * (high - low).clamp(min=1)
        return -((value / self.scale - 1e-4 * log_prob) * self.weights(steps + 1, size)).sum()


NETWORKS = {
    "conv-vae": ConvVae,
    "rssm": Rssm,
    "act-block": ActBlock,
    "td-mpc2": TdMpc2,
    "vae-agent": VaeAgent,
    "planet": Planet,
    "dreamer-v3": DreamerV3,
}


class Twin:
    def __init__(self, options):
        torch.set_default_tensor_type(torch.cuda.FloatTensor if options.device == "cuda" else torch.FloatTensor)
        self.batch = {name: x.to(options.device) for name, x in read_safetensors(options.batch).items()}
        self.device, self.network = options.device, NETWORKS[options.network]()
        self.config = json.loads(options.plan) if options.plan is not None else None
        weights = read_safetensors(options.weights)
        training = self.config is None
        self.p = {name: torch_layout(name, x.to(self.device)).requires_grad_(training) for name, x in weights.items()}
        if not training:
            return
        rates = self.network.learning_rate
        trained = {name: x for name, x in self.p.items() if not name.startswith("target/")}
        groups = {group: [] for group in rates}
        for name, x in trained.items():
            scope = name.split("/")[0]
            groups[scope if scope in groups else ""].append(x)
        self.main = [x for group, members in groups.items() if group != "policy" for x in members]
        self.optimizer = torch.optim.Adam([{"params": groups[g], "lr": rates[g]} for g in groups if g != "policy"])
        self.policy = groups.get("policy", [])
        if self.policy:
            self.policy_optimizer = torch.optim.Adam(self.policy, lr=rates["policy"], eps=1e-5)
        self.targets = {f"target/{name}": x for name, x in trained.items() if f"target/{name}" in self.p}
        for name in self.targets:
            self.p[name].requires_grad_(False)

    def update(self, loss, parameters, optimizer):
        for x in parameters:
            x.grad = None
        loss.backward(inputs=parameters)
        if self.network.max_norm:
            torch.nn.utils.clip_grad_norm_(parameters, self.network.max_norm)
        optimizer.step()

    def step(self, batch):
        loss = self.network.loss(self.p, batch)
        self.update(loss, self.main, self.optimizer)
        if self.policy:
            self.update(self.network.policy_loss(self.p, batch), self.policy, self.policy_optimizer)
        with torch.no_grad():
            for name, x in self.targets.items():
                self.p[name].lerp_(x, 0.01)
        return loss

    def run(self, count):
        began, worked = time.perf_counter(), time.process_time()
        for _ in range(count):
            if self.config is not None:
                self.network.plan(self.p, self.batch, self.config)
            else:
                self.step(self.batch)
        if self.device == "cuda":
            torch.cuda.synchronize()
        return {
            "seconds": time.perf_counter() - began,
            "cpuSeconds": time.process_time() - worked,
            "peakMb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }

    def curve(self, count):
        images, noise = self.batch["images"], self.batch["noises"]
        size, losses = noise.shape[1], []
        for i in range(count):
            rows = [(i * size + k) % len(images) for k in range(size)]
            losses.append(self.step({"image": images[rows], "noise": noise[i]}).item())
        return {"losses": losses}

    def answer(self, command):
        if command["do"] == "run":
            return self.run(command["count"])
        if command["do"] == "curve":
            return self.curve(command["count"])
        if command["do"] == "plan":
            return {"actions": self.network.plan(self.p, self.batch, self.config).flatten().tolist()}
        return {"loss": self.network.loss(self.p, self.batch).item()}


def main():
    parser = argparse.ArgumentParser()
    for name in ("network", "weights", "batch"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--plan", help="planner parameters as JSON: plan instead of training")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    twin = Twin(options)
    print(json.dumps({"engine": "PyTorch " + torch.__version__}), flush=True)
    for line in sys.stdin:
        print(json.dumps(twin.answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
