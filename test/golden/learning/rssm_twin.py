"""The networks of the recurrent state-space models from their equations, in PyTorch, on weights and data made by formula."""
import math
import sys
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).parent.parent / "graph"))
import fill  # noqa: E402

torch.set_default_dtype(torch.float64)


def tensor(array):
    return torch.tensor(numpy.asarray(array, dtype=numpy.float64))


def data(name, *shape):
    return tensor(fill.data(name, shape))


def uniform(name, *shape):
    return ((data(name, *shape) + 1.5) / 3).clamp(1e-7, 1 - 1e-7)


def image(name, *shape):
    return tensor(fill.data(name, shape, "uint8"))


def symlog(x):
    return torch.sign(x) * torch.log1p(x.abs())


class Twin:
    """Parameters by name, created at their first use."""

    def __init__(self, style):
        self.style, self.weights, self.slow = style, {}, {}
        self.frozen = False  # no gradient reaches what is used from here on, but for the actor

    def weight(self, name, *shape, slow=False):
        if name not in self.weights:
            self.weights[name] = tensor(fill.weights(name, shape)).requires_grad_()
        if slow and name not in self.slow:
            self.slow[name] = tensor(fill.weights(f"target/{name}", shape))
        weight = (self.slow if slow else self.weights)[name]
        return weight.detach() if self.frozen and not name.startswith("actor") else weight

    def linear(self, name, x, units, slow=False):
        weight = self.weight(f"{name}/weight", x.shape[-1], units, slow=slow)
        return x @ weight + self.weight(f"{name}/bias", units, slow=slow)

    def activate(self, norm, x, slow=False, epsilon=1e-4):
        if self.style == "plain":
            return F.relu(x)
        gain = self.weight(f"{norm}/gain", x.shape[-1], slow=slow)
        return F.silu(x / torch.sqrt((x**2).mean(-1, keepdim=True) + epsilon) * gain)

    def mlp(self, name, x, hidden, output=None, slow=False):
        for i, units in enumerate(hidden):
            x = self.activate(f"{name}/norm{i}", self.linear(f"{name}/linear{i}", x, units, slow), slow)
        return x if output is None else self.linear(f"{name}/out", x, output, slow)

    def gru(self, name, x, hidden):
        units = hidden.shape[-1]
        from_input = x @ self.weight(f"{name}/inputWeight", x.shape[-1], 3 * units)
        from_hidden = hidden @ self.weight(f"{name}/hiddenWeight", units, 3 * units)
        xr, xu, xn = (from_input + self.weight(f"{name}/inputBias", 3 * units)).chunk(3, -1)
        hr, hu, hn = (from_hidden + self.weight(f"{name}/hiddenBias", 3 * units)).chunk(3, -1)
        reset, update = torch.sigmoid(xr + hr), torch.sigmoid(xu + hu)
        return (1 - update) * torch.tanh(xn + reset * hn) + update * hidden

    def block_linear(self, name, x, blocks, units):
        weight = self.weight(f"{name}/weight", blocks, x.shape[-1], units)
        return torch.einsum("bni,bio->bno", x, weight) + self.weight(f"{name}/bias", blocks, 1, units)

    def block_gru(self, name, inputs, hidden, blocks, width):
        rows, units = hidden.shape
        before = hidden.reshape(rows, blocks, -1).permute(1, 0, 2)
        shared = []
        for i, x in enumerate([hidden, *inputs]):
            x = self.linear(f"{name}/in{i}", x, width)
            shared.append(self.activate(f"{name}/in{i}/norm", x, epsilon=1e-6))
        shared = torch.cat(shared, -1).expand(blocks, -1, -1)
        h = self.block_linear(f"{name}/hidden0", torch.cat([before, shared], -1), blocks, units // blocks)
        gain = self.weight(f"{name}/hidden0/norm/gain", blocks, 1, units // blocks)
        h = F.silu(h / torch.sqrt((h**2).mean((0, 2), keepdim=True) + 1e-6) * gain)
        reset, candidate, update = self.block_linear(f"{name}/gates", h, blocks, 3 * units // blocks).chunk(3, -1)
        candidate = torch.tanh(torch.sigmoid(reset) * candidate)
        update = torch.sigmoid(update - 1)
        return (update * candidate + (1 - update) * before).permute(1, 0, 2).reshape(rows, units)

    def convolve(self, name, x, filters, kernel, padding):
        kernels = self.weight(f"{name}/weight", kernel, kernel, x.shape[-1], filters).permute(3, 2, 0, 1).contiguous()
        bias = self.weight(f"{name}/bias", filters)
        return F.conv2d(x.permute(0, 3, 1, 2), kernels, bias, stride=2, padding=padding).permute(0, 2, 3, 1)

    def spread(self, name, x, filters, kernel, padding):
        kernels = self.weight(f"{name}/weight", x.shape[-1], kernel, kernel, filters).permute(0, 3, 1, 2).contiguous()
        bias = self.weight(f"{name}/bias", filters)
        y = F.conv_transpose2d(x.permute(0, 3, 1, 2), kernels, bias, stride=2, padding=padding)
        return y.permute(0, 2, 3, 1)

    def points(self, name, x, channels, keypoints):
        x = F.relu(self.convolve(f"{name}/conv0", x / 255 - 0.5, channels, 4, 0))
        x = self.convolve(f"{name}/conv1", x, keypoints, 4, 0)
        batch, height, width, _ = x.shape
        attention = torch.softmax(x.permute(0, 3, 1, 2).reshape(batch, keypoints, -1), -1)
        ys, xs = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
        return torch.stack([(attention * p.reshape(-1)).sum(-1) for p in (xs, ys)], -1).reshape(batch, -1)

    def feature_map(self, name, x, channels):
        x = x / 255 - 0.5
        for i, depth in enumerate([1, 2, 4, 8]):
            x = self.activate(f"{name}/norm{i}", self.convolve(f"{name}/conv{i}", x, depth * channels, 4, 1))
        return x.reshape(x.shape[0], -1)

    def paint_feature_map(self, name, x, channels):
        x = self.linear(f"{name}/start", x, 16 * 8 * channels).reshape(-1, 4, 4, 8 * channels)
        for i, filters in enumerate([4 * channels, 2 * channels, channels]):
            x = self.activate(f"{name}/norm{i}", self.spread(f"{name}/conv{i}", x, filters, 4, 1))
        return self.spread(f"{name}/conv3", x, 3, 4, 1) + 0.5

    def paint_points(self, name, x, units, channels):
        x = F.relu(self.linear(f"{name}/hidden", x, units))
        x = self.linear(f"{name}/start", x, 36 * channels).reshape(-1, 6, 6, channels)
        x = F.relu(self.spread(f"{name}/conv0", x, channels, 4, 0))
        x = F.relu(self.spread(f"{name}/conv1", x, channels, 4, 0))
        return self.spread(f"{name}/conv2", x, 3, 6, 0) + 0.5

    def gradient_norm(self, loss):
        for weight in self.weights.values():
            weight.grad = None
        loss.backward()
        return math.sqrt(sum(float((w.grad**2).sum()) for w in self.weights.values() if w.grad is not None))


class Categorical:
    """Several categoricals with a share of the uniform one; samples pass gradients straight through."""

    def __init__(self, logits, groups, classes, unimix):
        self.shape, self.flat = (-1, groups, classes), (-1, groups * classes)
        probabilities = torch.softmax(logits.reshape(self.shape), -1)
        self.probabilities = (1 - unimix) * probabilities + unimix / classes
        self.log = self.probabilities.log()

    def sample(self, noise):
        gumbel = -torch.log(-torch.log(noise.reshape(self.shape)))
        hard = F.one_hot((self.log + gumbel).argmax(-1), self.shape[-1]).double()
        return (hard + self.probabilities - self.probabilities.detach()).reshape(self.flat)

    def kl(self, other):
        return (self.probabilities * (self.log - other.log)).sum((-2, -1))


class Gaussian:
    def __init__(self, statistics, smallest):
        self.mean, raw = statistics.chunk(2, -1)
        self.deviation = F.softplus(raw) + smallest

    def sample(self, noise):
        return self.mean + self.deviation * noise

    def kl(self, other):
        spread = (self.deviation**2 + (self.mean - other.mean) ** 2) / (2 * other.deviation**2)
        return (torch.log(other.deviation / self.deviation) + spread - 0.5).sum(-1)


class BesidesKnown:
    """A belief beside numbers that are known as they are, at the end of the statistics."""

    def __init__(self, belief, statistics, size, known, deviation):
        self.belief, self.known, self.deviation = belief(statistics[..., :size]), statistics[..., size:], deviation
        assert self.known.shape[-1] == known

    def sample(self, noise):
        return torch.cat([self.belief.sample(noise), self.known], -1)

    def kl(self, other):
        apart = ((self.known - other.known) ** 2).sum(-1)
        return self.belief.kl(other.belief) + apart / (2 * self.deviation**2)


def observation_loss(painted, shown, salience):
    """Squared error summed over pixels, pixels that differ from the mean image counting more; mean over images."""
    shown = shown / 255
    weight = 1 + salience * (shown - shown.mean(0, keepdim=True)).abs()
    return (weight * (painted - shown) ** 2).sum() / shown.shape[0]
