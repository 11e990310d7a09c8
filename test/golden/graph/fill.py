"""Deterministic numbers that fill.ts makes too, so that golden files need not store weights and data."""
import numpy as np


def unit(name, shape):
    """Uniform in [0, 1), a function of the name and the element's index alone."""
    seed = 0x811C9DC5
    for char in name.encode():
        seed = ((seed ^ char) * 0x01000193) & 0xFFFFFFFF
    h = np.arange(int(np.prod(shape)), dtype=np.uint64) * 0x9E3779B9 + seed
    h &= 0xFFFFFFFF
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & 0xFFFFFFFF
    return ((h ^ (h >> 16)) / 4294967296).reshape(shape)


def data(name, shape, dtype="float32"):
    u = unit(name, shape)
    if dtype == "uint8":
        return np.floor(u * 256).astype(np.uint8)
    return (3 * u - 1.5).astype(np.float32)


def weights(name, shape):
    """Around the usual scale, and never at the zeros and ones that layers start from."""
    u = 2 * unit(name, shape) - 1
    if name.endswith("gain"):
        return (1 + 0.3 * u).astype(np.float32)
    if len(shape) == 1 or name.lower().endswith("bias"):
        return (0.3 * u).astype(np.float32)
    return (u * np.sqrt(3 / np.prod(shape[:-1]))).astype(np.float32)
