"""Writes distributions.json: values of torch.distributions in float64 for the inputs that distributions.test.ts makes too.

Run: python distributions.py
"""
import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli, Categorical, Independent, MixtureSameFamily, Normal, OneHotCategorical
from torch.distributions import TransformedDistribution, kl_divergence
from torch.distributions.transforms import TanhTransform

from fill import data, unit
from losses import symexp, symlog, two_hot_weights

torch.set_default_dtype(torch.float64)


def tensor(name, *shape):
    return torch.tensor(data(name, shape).astype(np.float64))


def uniform(name, *shape):
    return torch.tensor(unit(name, shape).astype(np.float32).astype(np.float64))


def gaussian_values():
    a = Independent(Normal(tensor("mean", 3, 4), torch.exp(tensor("scale", 3, 4))), 1)
    b = Independent(Normal(tensor("mean2", 3, 4), torch.exp(tensor("scale2", 3, 4))), 1)
    return {"logProb": a.log_prob(tensor("x", 3, 4)), "entropy": a.entropy(), "kl": kl_divergence(a, b), "mode": a.mean}


def tanh_values():
    base = Normal(tensor("mean", 3, 4), torch.exp(tensor("scale", 3, 4)))
    other = Normal(tensor("mean2", 3, 4), torch.exp(tensor("scale2", 3, 4)))
    squashed = Independent(TransformedDistribution(base, TanhTransform(cache_size=1)), 1)
    sample = torch.tanh(base.loc + base.scale * tensor("x", 3, 4))
    return {
        "sample": sample,
        "logProbOfSample": Independent(TransformedDistribution(base, TanhTransform()), 1).log_prob(sample),
        "logProb": squashed.log_prob(0.6 * tensor("x", 3, 4)),
        "kl": kl_divergence(Independent(base, 1), Independent(other, 1)),
        "mode": torch.tanh(base.loc),
    }


def categorical_values():
    def unimix(logits):
        return Independent(OneHotCategorical(probs=0.9 * torch.softmax(logits, -1) + 0.1 / 5), 1)

    a, b = unimix(tensor("logits", 3, 2, 5)), unimix(tensor("logits2", 3, 2, 5))
    noise = uniform("noise", 3, 2, 5)
    value = F.one_hot((a.base_dist.probs.log() - torch.log(-torch.log(noise))).argmax(-1), 5)
    plain = OneHotCategorical(logits=tensor("logits", 3, 2, 5))
    return {
        "sample": value,
        "logProb": a.log_prob(value.double()),
        "entropy": a.entropy(),
        "kl": kl_divergence(a, b),
        "mode": F.one_hot(a.base_dist.probs.argmax(-1), 5),
        "plainEntropy": plain.entropy(),
    }


def bernoulli_values():
    a = Independent(Bernoulli(logits=3 * tensor("logits", 3, 4)), 1)
    b = Independent(Bernoulli(logits=tensor("logits2", 3, 4)), 1)
    value = (uniform("noise", 3, 4) < a.mean).double()
    soft = torch.sigmoid(tensor("x", 3, 4))
    return {
        "sample": value,
        "logProb": a.log_prob(value),
        "softLogProb": -F.binary_cross_entropy_with_logits(3 * tensor("logits", 3, 4), soft, reduction="none").sum(-1),
        "entropy": a.entropy(),
        "kl": kl_divergence(a, b),
        "mode": (a.mean > 0.5).double(),
        "mean": a.mean,
    }


def mixture_values():
    temperature = 0.7
    logits, means = tensor("logits", 3, 4, 5) / temperature, tensor("means", 3, 4, 5)
    deviations = torch.exp(tensor("scales", 3, 4, 5)) * temperature**0.5
    mixture = MixtureSameFamily(Categorical(logits=logits), Normal(means, deviations))
    choice = F.one_hot((logits - torch.log(-torch.log(uniform("noise", 3, 4, 5)))).argmax(-1), 5)
    likeliest = F.one_hot(logits.argmax(-1), 5)
    return {
        "logProb": mixture.log_prob(tensor("x", 3, 4)).sum(-1),
        "mean": mixture.mean,
        "mode": (means * likeliest).sum(-1),
        "sample": (means * choice).sum(-1) + (deviations * choice).sum(-1) * tensor("x", 3, 4),
    }


def two_hot_values():
    logits, x = tensor("logits", 3, 4, 11), 9 * tensor("x", 3, 4)
    even, spread = torch.linspace(-2.5, 2.5, 11), symexp(torch.linspace(-2.5, 2.5, 11))
    probabilities, log_probabilities = torch.softmax(logits, -1), torch.log_softmax(logits, -1)
    return {
        "symlogMean": symexp((probabilities * even).sum(-1)),
        "symlogLogProb": (two_hot_weights(symlog(x), even) * log_probabilities).sum(-1),
        "rawMean": (probabilities * spread).sum(-1),
        "rawLogProb": (two_hot_weights(x, spread) * log_probabilities).sum(-1),
        "symlogMode": symexp(even[logits.argmax(-1)]),
        "rawSample": spread[(logits - torch.log(-torch.log(uniform("noise", 3, 4, 11)))).argmax(-1)],
        "entropy": Categorical(logits=logits).entropy(),
        "kl": kl_divergence(Categorical(logits=logits), Categorical(logits=tensor("logits2", 3, 4, 11))),
    }


if __name__ == "__main__":
    values = {
        "gaussian": gaussian_values(),
        "tanhGaussian": tanh_values(),
        "categorical": categorical_values(),
        "bernoulli": bernoulli_values(),
        "gaussianMixture": mixture_values(),
        "twoHot": two_hot_values(),
    }
    golden = {
        "generator": f"test/golden/graph/distributions.py, torch {torch.__version__}, numpy {np.__version__}, float64",
        "tolerance": 2e-5,
        "distributions": {
            name: {key: value.double().flatten().tolist() for key, value in results.items()}
            for name, results in values.items()
        },
    }
    path = pathlib.Path(__file__).with_name("distributions.json")
    path.write_text(json.dumps(golden) + "\n")
