"""A trainer of your own: fine-tunes the live model in PyTorch and proposes what comes out.

usage: python3 propose_bundle.py <models folder> <folder for the candidate> [latentloop flags, e.g. --replay runs/replay]

It needs numpy, torch, onnx and the command `latentloop`, or what the variable LATENTLOOP says. Replace `train` by your own
loop; everything else keeps the protocol of docs/sidecar.md: a whole bundle under another name first, one sample per graph of
what the networks compute, then `models propose`. What becomes of the candidate is in the ledger.
"""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator


def train(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Your part: weights by name in, trained weights out. This one only pulls them a little towards zero."""
    tensors = {name: value.clone().requires_grad_() for name, value in weights.items()}
    optimizer = torch.optim.SGD(tensors.values(), lr=1e-4)
    loss = sum((value**2).sum() for value in tensors.values())
    loss.backward()
    optimizer.step()
    return {name: value.detach() for name, value in tensors.items()}


def read_weights(graphs: dict[str, onnx.ModelProto]) -> dict[str, torch.Tensor]:
    """Our exports write every trained value as an initializer of its own name, the same in every graph that uses it."""
    return {
        initializer.name: torch.from_numpy(numpy_helper.to_array(initializer).copy())
        for graph in graphs.values()
        for initializer in graph.graph.initializer
        if not initializer.name.startswith("constant/")
    }


def write_weights(graph: onnx.ModelProto, weights: dict[str, torch.Tensor]) -> None:
    for initializer in graph.graph.initializer:
        if initializer.name in weights:
            value = weights[initializer.name].numpy()
            initializer.CopyFrom(numpy_helper.from_array(value, initializer.name))


def sample(graph: onnx.ModelProto, spec: dict, rng: np.random.Generator) -> tuple[dict, dict]:
    """One set of inputs and what comes out. Where you have the networks in PyTorch, let those compute the outputs."""
    inputs = {}
    for tensor in spec["inputs"]:
        shape = tensor["shape"]
        if tensor["dtype"] == "uint8":
            inputs[tensor["name"]] = rng.integers(0, 256, shape, dtype=np.uint8)
        else:
            inputs[tensor["name"]] = rng.standard_normal(shape).astype(np.float32)
    names = [tensor["name"] for tensor in spec["outputs"]]
    outputs = ReferenceEvaluator(graph).run(names, inputs)
    return inputs, dict(zip(names, outputs))


def write_safetensors(path: str, tensors: dict[str, np.ndarray]) -> None:
    header, data = {}, b""
    for name, value in tensors.items():
        dtype = {"float32": "F32", "uint8": "U8"}[str(value.dtype)]
        raw = np.ascontiguousarray(value).tobytes()
        header[name] = {"dtype": dtype, "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + data)


def main(models: str, target: str, flags: list[str]) -> int:
    live = os.path.realpath(os.path.join(models, "live"))
    with open(os.path.join(live, "manifest.json"), encoding="utf8") as file:
        manifest = json.load(file)
    specs = manifest["graphs"]
    graphs = {name: onnx.load(os.path.join(live, spec["file"])) for name, spec in specs.items()}
    weights = train(read_weights(graphs))

    partial = f"{target}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    os.makedirs(partial)
    rng = np.random.default_rng(0)
    parity = {}
    for name, graph in graphs.items():
        write_weights(graph, weights)
        onnx_bytes = graph.SerializeToString()
        with open(os.path.join(partial, specs[name]["file"]), "wb") as file:
            file.write(onnx_bytes)
        specs[name]["sha256"] = hashlib.sha256(onnx_bytes).hexdigest()
        inputs, outputs = sample(graph, specs[name], rng)
        parity.update({f"{name}.input.{key}": value for key, value in inputs.items()})
        parity.update({f"{name}.output.{key}": value for key, value in outputs.items()})
    write_safetensors(os.path.join(partial, "parity.safetensors"), parity)
    manifest["training"]["command"] = "propose_bundle.py"
    with open(os.path.join(partial, "manifest.json"), "w", encoding="utf8") as file:
        json.dump(manifest, file, indent=2)
    os.rename(partial, target)  # nobody ever sees half of it

    latentloop = shlex.split(os.environ.get("LATENTLOOP", "latentloop"))
    return subprocess.run([*latentloop, "models", "propose", target, "--models", models, *flags], check=False).returncode


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
