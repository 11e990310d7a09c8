"""Writes losses.json: value and gradients of the losses in losses.ts, by PyTorch autograd in float64.

Run: python losses.py
"""
import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli, Categorical, Independent, MixtureSameFamily, Normal, kl_divergence

from fill import data, unit, weights

torch.set_default_dtype(torch.float64)


class Parameters:
    def __init__(self):
        self.leaves = {}

    def get(self, name, shape):
        if name not in self.leaves:
            self.leaves[name] = torch.tensor(weights(name, shape).astype(np.float64), requires_grad=True)
        assert tuple(self.leaves[name].shape) == tuple(shape), name
        return self.leaves[name]


def tensor(name, shape, dtype="float32"):
    return torch.tensor(data(name, shape, dtype).astype(np.float64))


def uniform(name, shape):
    return torch.tensor(unit(name, shape).astype(np.float32).astype(np.float64))


def linear(p, name, x, units):
    return x @ p.get(f"{name}/weight", (x.shape[-1], units)) + p.get(f"{name}/bias", (units,))


def layer_norm(p, name, x, eps=1e-5):
    n = x.shape[-1]
    return F.layer_norm(x, (n,), p.get(f"{name}/gain", (n,)), p.get(f"{name}/bias", (n,)), eps)


def rms_norm(p, name, x):
    return F.rms_norm(x, (x.shape[-1],), p.get(f"{name}/gain", (x.shape[-1],)), 1e-6)


def mlp(p, name, x, hidden, output=None, activation=F.silu, norm=None):
    for i, units in enumerate(hidden):
        x = linear(p, f"{name}/linear{i}", x, units)
        if norm:
            x = norm(p, f"{name}/norm{i}", x)
        x = activation(x)
    return x if output is None else linear(p, f"{name}/out", x, output)


def conv(p, name, x, filters, kernel):
    w = p.get(f"{name}/weight", (kernel, kernel, x.shape[1], filters))
    return F.conv2d(x, w.permute(3, 2, 0, 1), p.get(f"{name}/bias", (filters,)), stride=2)


def conv_transpose(p, name, x, filters, kernel):
    w = p.get(f"{name}/weight", (x.shape[1], kernel, kernel, filters))
    return F.conv_transpose2d(x, w.permute(0, 3, 1, 2), p.get(f"{name}/bias", (filters,)), stride=2)


def symlog(x):
    return torch.sign(x) * torch.log1p(torch.abs(x))


def symexp(x):
    return torch.sign(x) * torch.expm1(torch.abs(x))


def two_hot_weights(x, bins):
    x = x.clamp(bins[0], bins[-1])
    above = torch.searchsorted(bins, x.contiguous()).clamp(1, len(bins) - 1)
    share = (x - bins[above - 1]) / (bins[above] - bins[above - 1])
    n = len(bins)
    return F.one_hot(above - 1, n) * (1 - share)[..., None] + F.one_hot(above, n) * share[..., None]


def straight_through(probabilities, noise):
    noise = noise.clamp(1e-7, 1 - 1e-7)
    scores = torch.log(probabilities) - torch.log(-torch.log(noise))
    hard = F.one_hot(scores.argmax(-1), probabilities.shape[-1]).to(probabilities)
    return hard + probabilities - probabilities.detach()


def conv_vae(p):
    image = tensor("image", (2, 64, 64, 3), "uint8") / 255 - 0.5
    x = image.permute(0, 3, 1, 2)
    for i, filters in enumerate([4, 6, 8, 10]):
        x = F.relu(conv(p, f"encoder/conv{i}", x, filters, 4))
    height, width = x.shape[2:]
    attention = torch.softmax(x.flatten(2) / 0.5, -1).view_as(x)
    px = (attention * torch.linspace(-1, 1, width)).sum((2, 3))
    py = (attention * torch.linspace(-1, 1, height)[:, None]).sum((2, 3))
    points = torch.stack([px, py], -1).flatten(1)
    latent = linear(p, "latent", torch.cat([x.permute(0, 2, 3, 1).flatten(1), points], -1), 12)
    mean, log_variance = latent.split(6, -1)
    posterior = Independent(Normal(mean, torch.exp(0.5 * log_variance)), 1)
    z = mean + torch.exp(0.5 * log_variance) * tensor("noise", (2, 6))
    x = linear(p, "decoder/start", z, 16)[:, :, None, None]
    for i, (filters, kernel) in enumerate([(8, 5), (6, 5), (4, 6), (3, 6)]):
        x = conv_transpose(p, f"decoder/conv{i}", x, filters, kernel)
        x = F.relu(x) if i < 3 else x
    error = (x.permute(0, 2, 3, 1) - image).square().sum((1, 2, 3)).mean()
    prior = Independent(Normal(torch.zeros_like(mean), torch.ones_like(mean)), 1)
    return error + kl_divergence(posterior, prior).mean()


def gru_cell(p, name, x, hidden):
    inputs, units = x.shape[-1], hidden.shape[-1]
    return torch.gru_cell(
        x,
        hidden,
        p.get(f"{name}/inputWeight", (inputs, 3 * units)).T,
        p.get(f"{name}/hiddenWeight", (units, 3 * units)).T,
        p.get(f"{name}/inputBias", (3 * units,)),
        p.get(f"{name}/hiddenBias", (3 * units,)),
    )


def combine(reset, candidate, update, hidden):
    candidate = torch.tanh(torch.sigmoid(reset) * candidate)
    update = torch.sigmoid(update - 1)
    return update * candidate + (1 - update) * hidden


def normalized_gru_cell(p, name, x, hidden):
    both = torch.cat([x, hidden], -1)
    units = hidden.shape[-1]
    gates = both @ p.get(f"{name}/gates/weight", (both.shape[-1], 3 * units))
    return combine(*layer_norm(p, f"{name}/norm", gates, 1e-3).chunk(3, -1), hidden)


def gaussian_rssm(p):
    T, B = 5, 3
    embedding, action, noise = tensor("embedding", (T, B, 7)), tensor("action", (T, B, 2)), tensor("noise", (T, B, 4))

    def stochastic(name, x):
        mean, raw = mlp(p, name, x, [9], 8, F.elu).chunk(2, -1)
        return Independent(Normal(mean, F.softplus(raw) + 0.1), 1)

    deter, stoch, total = torch.zeros(B, 6), torch.zeros(B, 4), 0
    for t in range(T):
        x = F.elu(linear(p, "input", torch.cat([stoch, action[t]], -1), 5))
        deter = gru_cell(p, "gru", x, deter)
        deter = normalized_gru_cell(p, "gru2", stoch, deter)
        prior = stochastic("prior", deter)
        posterior = stochastic("posterior", torch.cat([deter, embedding[t]], -1))
        stoch = posterior.base_dist.loc + posterior.base_dist.scale * noise[t]
        decoded = mlp(p, "decoder", torch.cat([deter, stoch], -1), [8], 7, F.gelu)
        likelihood = Independent(Normal(decoded, torch.ones_like(decoded)), 1).log_prob(embedding[t])
        total = total + (kl_divergence(posterior, prior).clamp(min=1) - likelihood).mean()
    return total


def block_linear(p, name, x, blocks, units):
    rows, inputs = x.shape
    w = p.get(f"{name}/weight", (blocks, inputs // blocks, units // blocks))
    b = p.get(f"{name}/bias", (blocks, 1, units // blocks))
    y = torch.einsum("ngi,gio->ngo", x.view(rows, blocks, -1), w) + b[:, 0]
    return y.reshape(rows, units)


def block_gru_cell(p, name, inputs, hidden, blocks, units):
    rows, size = hidden.shape

    def normalized(scope, x):
        return F.silu(rms_norm(p, f"{scope}/norm", x))

    parts = [normalized(f"{name}/in{i}", linear(p, f"{name}/in{i}", x, units)) for i, x in enumerate([hidden, *inputs])]
    shared = torch.cat(parts, -1)[:, None].expand(rows, blocks, -1)
    h = torch.cat([hidden.view(rows, blocks, -1), shared], -1).reshape(rows, -1)
    h = block_linear(p, f"{name}/hidden0", h, blocks, size)
    gain = p.get(f"{name}/hidden0/norm/gain", (blocks, 1, size // blocks))
    h = F.silu(F.rms_norm(h, (size,), gain.flatten(), 1e-6))
    gates = block_linear(p, f"{name}/gates", h, blocks, 3 * size).view(rows, blocks, -1).chunk(3, -1)
    return combine(*[gate.reshape(rows, size) for gate in gates], hidden)


def categorical_rssm(p):
    T, B, groups, classes = 4, 3, 3, 5
    embedding, action = tensor("embedding", (T, B, 7)), tensor("action", (T, B, 2))
    noise, reward = uniform("noise", (T, B, groups, classes)), tensor("reward", (T, B))
    bins = symexp(torch.linspace(-3, 3, 11))

    def latent(name, x):
        logits = mlp(p, name, x, [9], groups * classes, norm=rms_norm).view(B, groups, classes)
        return 0.99 * torch.softmax(logits, -1) + 0.01 / classes

    def kl(a, b):
        return kl_divergence(Independent(Categorical(probs=a), 1), Independent(Categorical(probs=b), 1))

    deter, stoch, total = torch.zeros(B, 8), torch.zeros(B, groups * classes), 0
    for t in range(T):
        deter = block_gru_cell(p, "core", [stoch, action[t]], deter, 2, 6)
        prior, posterior = latent("prior", deter), latent("posterior", torch.cat([deter, embedding[t]], -1))
        stoch = straight_through(posterior, noise[t]).flatten(1)
        features = torch.cat([deter, stoch], -1)
        dynamics = kl(posterior.detach(), prior).clamp(min=0.1).mean()
        representation = kl(posterior, prior.detach()).clamp(min=0.1).mean()
        logits = linear(p, "reward", features, 11)
        reward_log_prob = (two_hot_weights(reward[t], bins) * torch.log_softmax(logits, -1)).sum(-1)
        label = torch.sigmoid(action[t][:, :1])
        going = -F.binary_cross_entropy_with_logits(linear(p, "continue", features, 1), label, reduction="none").sum(-1)
        decoded = mlp(p, "decoder", features, [8], 7, norm=layer_norm)
        error = (decoded - symlog(embedding[t])).square().sum(-1).mean()
        entropy = Independent(Categorical(probs=posterior), 1).entropy().mean()
        total = total + 0.5 * dynamics + 0.1 * representation + 0.01 * entropy + error - (reward_log_prob + going).mean()
    return total


def sim_norm(x):
    return torch.softmax(x.view(*x.shape[:-1], -1, 8), -1).view_as(x)


def latent_control(p):
    H, B, Z, A, members = 3, 4, 16, 2, 3
    observation, action = tensor("observation", (H + 1, B, 5)), tensor("action", (H, B, A))
    reward = tensor("reward", (H, B))
    bins = torch.linspace(-2, 2, 7)
    options = {"activation": F.mish, "norm": layer_norm}
    frozen = Parameters()

    def encode(x):
        return sim_norm(mlp(p, "encoder", x, [9], Z, **options))

    def policy(z):
        mean, raw = mlp(p, "policy", z, [9], 2 * A, **options).chunk(2, -1)
        return mean, torch.exp(raw.clamp(-2, 1))

    def log_prob(before, mean, deviation):
        slope = 2 * (np.log(2) - before - F.softplus(-2 * before))
        return (Normal(mean, deviation).log_prob(before) - slope).sum(-1)

    def q_logits(get, z, a):
        x = torch.cat([z, a], -1)[None]
        for i, units in enumerate([9, 8]):
            x = x @ get(f"q/linear{i}/weight", (members, x.shape[-1], units)) + get(f"q/linear{i}/bias", (members, 1, units))
            x = F.layer_norm(x, (units,)) * get(f"q/norm{i}/gain", (members, 1, units)) + get(f"q/norm{i}/bias", (members, 1, units))
            x = F.mish(x)
        return x @ get("q/out/weight", (members, 8, 7)) + get("q/out/bias", (members, 1, 7))

    def expected(logits):
        return symexp((torch.softmax(logits, -1) * bins).sum(-1))

    def target_of(name, shape):
        return torch.tensor(weights("target/" + name, shape).astype(np.float64))

    def frozen_of(name, shape):
        return p.get(name, shape).detach()

    z, total = encode(observation[0]), 0
    for t in range(H):
        x = torch.cat([z, action[t]], -1)
        following = sim_norm(mlp(p, "dynamics", x, [9], Z, **options))
        with torch.no_grad():
            seen = encode(observation[t + 1])
            mean, deviation = policy(seen)
            chosen = torch.tanh(mean + deviation * tensor(f"targetNoise{t}", (B, A)))
            target = reward[t] + 0.9 * expected(q_logits(target_of, seen, chosen)).min(0).values
        spread = two_hot_weights(symlog(target), bins)
        error = -(spread * torch.log_softmax(q_logits(p.get, z, action[t]), -1)).sum(-1).mean()
        reward_log_prob = two_hot_weights(symlog(reward[t]), bins) * torch.log_softmax(linear(p, "reward", x, 7), -1)
        mean, deviation = policy(z.detach())
        before = mean + deviation * tensor(f"noise{t}", (B, A))
        judged = expected(q_logits(frozen_of, z.detach(), torch.tanh(before))).mean()
        consistency = (following - seen).square().mean()
        imitation = log_prob(torch.atanh((0.6 * action[t]).clamp(1e-6 - 1, 1 - 1e-6)), *policy(z)).mean()
        total = total + error - reward_log_prob.sum(-1).mean() + 20 * consistency
        total = total + 0.1 * log_prob(before, mean, deviation).mean() - judged - 0.05 * imitation
        z = following
    return total


def attention(p, name, query, key, value, heads, mask=None):
    def project(part, x):
        return linear(p, f"{name}/{part}", x, x.shape[-1]).view(*x.shape[:2], heads, -1).transpose(1, 2)

    mixed = F.scaled_dot_product_attention(project("query", query), project("key", key), project("value", value), mask)
    return linear(p, f"{name}/out", mixed.transpose(1, 2).reshape(query.shape), query.shape[-1])


def transformer_block(p, name, x, heads, hidden, activation=F.relu, before=False, position=0, mask=None, memory=None):
    def residual(part, h, function):
        if before:
            return h + function(layer_norm(p, f"{name}/{part}Norm", h))
        return layer_norm(p, f"{name}/{part}Norm", h + function(h))

    x = residual("self", x, lambda h: attention(p, f"{name}/self", h + position, h + position, h, heads, mask))
    if memory is not None:
        value, place = memory
        x = residual("cross", x, lambda h: attention(p, f"{name}/cross", h + position, value + place, value, heads))
    width = x.shape[-1]
    return residual(
        "feedForward",
        x,
        lambda h: linear(p, f"{name}/feedForward1", activation(linear(p, f"{name}/feedForward0", h, hidden)), width),
    )


def act_transformer(p):
    B, T, S, D = 2, 4, 5, 8
    memory, query = tensor("memory", (B, S, D)), tensor("query", (B, T, D))
    place, column = torch.arange(S)[:, None], torch.arange(D)
    angle = place / 10000 ** (2 * (column // 2) / D)
    position = torch.where(column % 2 == 0, torch.sin(angle), torch.cos(angle))
    slots = p.get("slots/weight", (T, D))
    encoded = transformer_block(p, "encoder", memory, 2, 12, position=position)
    decoded = transformer_block(p, "decoder", query, 2, 12, position=slots, memory=(encoded, position))
    mask = torch.full((T, T), -1e9).triu(1)
    causal = transformer_block(p, "causal", decoded, 4, 9, activation=F.gelu, before=True, mask=mask)
    return (linear(p, "action", causal, 3) - tensor("action", (B, T, 3))).abs().mean()


def mixture_density(p):
    T, B, Z, K, units = 3, 4, 3, 5, 7
    x, hidden, cell = tensor("x", (T, B, 6)), torch.zeros(B, 7), torch.zeros(B, 7)
    for t in range(T):
        weight = p.get("lstm/gates/weight", (6 + units, 4 * units))
        bias = p.get("lstm/gates/bias", (4 * units,))
        hidden, cell = torch.lstm_cell(
            x[t], (hidden, cell), weight[:6].T, weight[6:].T, bias, torch.zeros_like(bias)
        )
    out = mlp(p, "mdn", hidden, [9], 3 * Z * K, torch.tanh).view(B, 3 * Z, K)
    logits, means, raw = out.split(Z, 1)
    mixture = MixtureSameFamily(Categorical(logits=logits), Normal(means, torch.exp(raw)))
    noise = uniform("componentNoise", (B, Z, K)).clamp(1e-7, 1 - 1e-7)
    choice = F.one_hot((logits - torch.log(-torch.log(noise))).argmax(-1), K)
    sampled = (means * choice).sum(-1) + (torch.exp(raw) * choice).sum(-1) * tensor("noise", (B, Z))
    return sampled.square().mean() - mixture.log_prob(tensor("y", (B, Z))).sum(-1).mean()


LOSSES = {
    "convVae": conv_vae,
    "gaussianRssm": gaussian_rssm,
    "categoricalRssm": categorical_rssm,
    "latentControl": latent_control,
    "actTransformer": act_transformer,
    "mixtureDensity": mixture_density,
}


def measure(loss):
    p = Parameters()
    value = loss(p)
    value.backward()
    gradients = {}
    for name, leaf in sorted(p.leaves.items()):
        gradient = (torch.zeros_like(leaf) if leaf.grad is None else leaf.grad).numpy()
        direction = 2 * unit("direction/" + name, gradient.shape) - 1
        gradients[name] = {
            "shape": list(gradient.shape),
            "norm": float(np.linalg.norm(gradient)),
            "projection": float((gradient * direction).sum()),
        }
    return {"loss": value.item(), "gradients": gradients}


if __name__ == "__main__":
    golden = {
        "generator": f"test/golden/graph/losses.py, torch {torch.__version__}, numpy {np.__version__}, float64",
        "tolerance": 1e-4,
        "losses": {name: measure(loss) for name, loss in LOSSES.items()},
    }
    path = pathlib.Path(__file__).with_name("losses.json")
    path.write_text(json.dumps(golden, indent=1) + "\n")
