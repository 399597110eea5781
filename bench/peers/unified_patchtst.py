#!/usr/bin/env python3
"""The peer of bench/training.ts: UnifiedPatchTST in PyTorch, trained step by step on one batch.

Needs PyTorch (Debian: python3-torch, libopenblas0-pthread). Reads from the folder given:
    case.json   {shape: {...}, batch, threads, steps, learningRate, weightDecay, clipNorm, tensors: [{name, shape, file}]}
and float32 files: the initial weights by parameter name, the windows and the targets. Prints one JSON line:
    {"torch": version, "losses": [per step], "milliseconds": [per step]}
"""
import json
import os
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class Layer(nn.Module):
    """Pre-norm: x + attention(norm(x)), then + feed-forward(norm(x))."""

    def __init__(self, width, heads, hidden):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ff1 = nn.Linear(width, hidden)
        self.ff2 = nn.Linear(hidden, width)

    def forward(self, x):
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return x + self.ff2(F.gelu(self.ff1(self.norm2(x))))


class UnifiedPatchTST(nn.Module):
    def __init__(self, s, heads):
        super().__init__()
        self.stride, self.names = s["stride"], list(heads)
        self.patch = nn.Conv1d(s["features"], s["width"], s["patch"], s["stride"])
        patches = (s["context"] - s["patch"]) // s["stride"] + 1
        self.position = nn.Parameter(torch.zeros(1, patches, s["width"]))
        self.layers = nn.ModuleList([Layer(s["width"], s["heads"], s["hidden"]) for _ in range(s["layers"])])
        self.norm = nn.LayerNorm(s["width"])
        self.last = nn.Linear(s["features"], s["headWidth"])
        self.hidden = nn.Linear(s["width"] + s["headWidth"], s["headWidth"] * len(heads))
        self.out = nn.ModuleDict({name: nn.Linear(s["headWidth"], k) for name, k in heads.items()})
        self.direct = nn.ModuleDict({name: nn.Linear(s["features"], k, bias=False) for name, k in heads.items()})

    def forward(self, windows):
        x = self.patch(windows.transpose(1, 2)).transpose(1, 2) + self.position
        for layer in self.layers:
            x = layer(x)
        last = windows[:, -1]
        state = torch.cat([self.norm(x.mean(1)), F.relu(self.last(last))], 1)
        parts = F.relu(self.hidden(state)).chunk(len(self.names), 1)
        return {name: self.out[name](part) + self.direct[name](last) for name, part in zip(self.names, parts)}


def load(model, weights, s):
    """Fills the module from weights stored [inputs, outputs], as the product has them."""
    with torch.no_grad():
        def matrix(target, name):
            target.copy_(weights[name].t())

        model.patch.weight.copy_(weights["patch.weight"].view(s["patch"], s["features"], s["width"]).permute(2, 1, 0))
        model.patch.bias.copy_(weights["patch.bias"])
        model.position.copy_(weights["position"].unsqueeze(0))
        for i, layer in enumerate(model.layers):
            at = f"layer{i}."
            matrix(layer.attention.in_proj_weight, at + "attention.in.weight")
            layer.attention.in_proj_bias.copy_(weights[at + "attention.in.bias"])
            modules = {"attention.out": layer.attention.out_proj, "ff1": layer.ff1, "ff2": layer.ff2}
            for name, module in modules.items():
                matrix(module.weight, f"{at}{name}.weight")
                module.bias.copy_(weights[f"{at}{name}.bias"])
            for name in ("norm1", "norm2"):
                getattr(layer, name).weight.copy_(weights[f"{at}{name}.weight"])
                getattr(layer, name).bias.copy_(weights[f"{at}{name}.bias"])
        model.norm.weight.copy_(weights["norm.weight"])
        model.norm.bias.copy_(weights["norm.bias"])
        for name, module in {"last": model.last, "heads.hidden": model.hidden}.items():
            matrix(module.weight, name + ".weight")
            module.bias.copy_(weights[name + ".bias"])
        for name in model.names:
            matrix(model.out[name].weight, name + ".out.weight")
            model.out[name].bias.copy_(weights[name + ".out.bias"])
            matrix(model.direct[name].weight, name + ".direct")


def loss_of(y, t):
    loss = F.huber_loss(y["future_return"], t["future_return"])
    logits = F.log_softmax(y["direction"].view(-1, 4, 3), -1)
    loss = loss - (logits * t["direction"].view(-1, 4, 3)).sum(-1).mean()
    loss = loss + F.binary_cross_entropy_with_logits(y["level"], t["level"])
    for name in ("risk", "rank24h", "volatility"):
        loss = loss + F.huber_loss(y[name], t[name])
    return loss


def main():
    folder = sys.argv[1]
    case = json.load(open(os.path.join(folder, "case.json")))
    torch.set_num_threads(case["threads"])
    tensors = {t["name"]: torch.from_numpy(np.fromfile(os.path.join(folder, t["file"]), dtype="<f4").reshape(t["shape"])) for t in case["tensors"]}
    model = UnifiedPatchTST(case["shape"], case["heads"])
    load(model, tensors, case["shape"])
    decayed = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": case["weightDecay"]}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=case["learningRate"])
    targets = {name: tensors["target:" + name] for name in case["heads"]}
    losses, times = [], []
    for _ in range(case["steps"]):
        start = time.perf_counter()
        optimiser.zero_grad()
        loss = loss_of(model(tensors["windows"]), targets)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), case["clipNorm"])
        optimiser.step()
        times.append((time.perf_counter() - start) * 1000)
        losses.append(float(loss.detach()))
    print(json.dumps({"torch": torch.__version__, "losses": losses, "milliseconds": times}))


main()
