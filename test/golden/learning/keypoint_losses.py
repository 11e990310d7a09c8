"""Golden losses of the keypoint world model, from PyTorch.

usage: python3 keypoint_losses.py > keypoint-losses.json

Weights and data follow formulas instead of being stored; keypoint-losses.test.ts uses the same ones.
"""
import json
import math

import numpy
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
CHANNELS, KEYPOINTS, EMBEDDING, UNITS, DECODER_UNITS, DECODER_CHANNELS = 3, 4, 5, 6, 4, 3
PROPRIOCEPTION, ACTION, BATCH, HORIZON = 2, 2, 2, 3
LATENT = EMBEDDING + PROPRIOCEPTION
weights = {}


def wave(seed, shape, scale):
    """Numbers that no symmetry of the network can hide: a sine of uneven steps."""
    count = math.prod(shape)
    values = [scale * math.sin(seed + 0.7 * i + 0.001 * i * i) for i in range(count)]
    return torch.tensor(numpy.array(values, dtype=numpy.float32)).reshape(shape)


def weight(name, *shape):
    if name not in weights:
        fan_in = math.prod(shape[:-1]) if len(shape) > 1 else 100
        centre = 1 if name.endswith("gain") else 0
        scale = 6 if name.startswith("encoder/scene") else 1  # else the points of all images are nearly the same
        values = centre + wave(sum(map(ord, name)) % 100, shape, scale / math.sqrt(fan_in))
        weights[name] = values.requires_grad_()
    return weights[name]


def linear(name, x, units):
    return x @ weight(f"{name}/weight", x.shape[-1], units) + weight(f"{name}/bias", units)


def convolve(name, x, filters, kernel):
    kernels = weight(f"{name}/weight", kernel, kernel, x.shape[-1], filters)
    y = F.conv2d(x.permute(0, 3, 1, 2), kernels.permute(3, 2, 0, 1), weight(f"{name}/bias", filters), stride=2)
    return y.permute(0, 2, 3, 1)


def spread(name, x, filters, kernel):
    kernels = weight(f"{name}/weight", x.shape[-1], kernel, kernel, filters)
    y = F.conv_transpose2d(
        x.permute(0, 3, 1, 2), kernels.permute(0, 3, 1, 2), weight(f"{name}/bias", filters), stride=2
    )
    return y.permute(0, 2, 3, 1)


def mlp(name, x, output):
    for i in range(2):
        x = linear(f"{name}/linear{i}", x, UNITS)
        norm = f"{name}/norm{i}"
        x = F.silu(F.layer_norm(x, (UNITS,), weight(f"{norm}/gain", UNITS), weight(f"{norm}/bias", UNITS)))
    return linear(f"{name}/out", x, output)


def encode(image, proprioception):
    x = F.relu(convolve("encoder/scene/conv0", image / 255 - 0.5, CHANNELS, 4))
    x = convolve("encoder/scene/conv1", x, KEYPOINTS, 4)
    batch, height, width, _ = x.shape
    attention = torch.softmax(x.permute(0, 3, 1, 2).reshape(batch, KEYPOINTS, -1), -1)
    ys, xs = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    points = torch.stack([(attention * p.reshape(-1)).sum(-1) for p in (xs, ys)], -1).reshape(batch, -1)
    return torch.cat([torch.tanh(linear("encoder/merge", points, EMBEDDING)), proprioception], -1)


def reward_of(latent):
    return mlp("reward", latent, 1)


def after(latent, action):
    return latent + mlp("dynamics", torch.cat([latent, action], -1), LATENT)


def paint(latent):
    x = F.relu(linear("decoder/scene/hidden", latent, DECODER_UNITS))
    x = linear("decoder/scene/start", x, 6 * 6 * DECODER_CHANNELS).reshape(-1, 6, 6, DECODER_CHANNELS)
    x = F.relu(spread("decoder/scene/conv0", x, DECODER_CHANNELS, 4))
    x = F.relu(spread("decoder/scene/conv1", x, DECODER_CHANNELS, 4))
    return spread("decoder/scene/conv2", x, 3, 6) + 0.5


def report(loss, **parts):
    for tensor in weights.values():
        tensor.grad = None
    loss.backward()
    squares = sum(float((tensor.grad**2).sum()) for tensor in weights.values() if tensor.grad is not None)
    return {"loss": loss.item(), "gradientNorm": math.sqrt(squares), **{k: v.item() for k, v in parts.items()}}


pixel = torch.arange(BATCH * 64 * 64 * 3)
image = (pixel * 37 % 97).float().reshape(BATCH, 64, 64, 3)
image[0, 10:22, 40:52] += 150
image[1, 36:50, 8:20] += 150
proprioception = wave(1, (BATCH, PROPRIOCEPTION), 0.8)
rewards = wave(2, (BATCH,), 1.5)
latents = wave(3, (HORIZON + 1, BATCH, LATENT), 0.7)
actions = wave(4, (HORIZON, BATCH, ACTION), 0.9)
later_rewards = wave(5, (HORIZON, BATCH), 1.2)

encoded = encode(image, proprioception)
result = {
    "latent": encoded.flatten().tolist(),
    "representation": report(((reward_of(encoded).flatten() - rewards) ** 2).mean()),
}

latent, predicted = latents[0], []
for t in range(HORIZON):
    latent = after(latent, actions[t])
    predicted.append(latent)
consistency = ((torch.stack(predicted) - latents[1:]) ** 2).mean()
reward = ((torch.stack([reward_of(p).flatten() for p in predicted]) - later_rewards) ** 2).mean()
result["dynamics"] = report(20 * consistency + reward, consistency=consistency, reward=reward)

shown = image / 255
weight_of_pixel = 1 + 20 * (shown - shown.mean(0, keepdim=True)).abs()
result["decoder"] = report((weight_of_pixel * (paint(latents[0]) - shown) ** 2).sum() / BATCH)

print(
    json.dumps(
        {
            "script": "keypoint_losses.py",
            "torch": torch.__version__,
            "numpy": numpy.__version__,
            "tolerance": 1e-4,
            **result,
        },
        indent=1,
    )
)
