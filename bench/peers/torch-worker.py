# PyTorch on the processor, or on a GPU: a process that is told by lines of JSON on stdin what to train, and answers by lines on
# stdout. GRADGPU_TORCH asks for "cuda", eager, or for "cuda-graph", whose steps are one CUDA graph.
# Bytes of arrays follow the line that announces them. peer.ts says what is asked.

import json
import os
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

threads = os.cpu_count()
mode = os.environ.get("GRADGPU_TORCH", "cpu")
device = torch.device("cpu" if mode == "cpu" else "cuda")
work = None


def blas():
    """The library that products are computed by, as the process has it loaded."""
    torch.ones(8, 8) @ torch.ones(8, 8)
    with open("/proc/self/maps") as maps:
        names = {os.path.basename(line.split()[-1]) for line in maps if "/" in line}
    # Debian's libblas.so.3 is a thin face of whichever was chosen.
    for known in ("openblas", "mkl_rt", "blis", "libblas"):
        for name in sorted(names):
            if known in name:
                return name
    return "a BLAS of its own"


def transposed(values):
    return torch.from_numpy(np.ascontiguousarray(values.T))


class Conv(nn.Module):
    def __init__(self, kernel, bias):
        super().__init__()
        # [height, width, inputs, outputs] to [outputs, inputs, height, width]
        self.kernel = nn.Parameter(torch.from_numpy(np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))))
        self.bias = nn.Parameter(torch.from_numpy(bias))

    def forward(self, x):
        return F.relu(F.conv2d(x, self.kernel, self.bias))


class Recurrent(nn.Module):
    def __init__(self, kind, kernel, recurrent, bias):
        super().__init__()
        self.kind = kind
        units = recurrent.shape[0]
        make = nn.LSTM if kind == "lstm" else nn.GRU
        self.layer = make(kernel.shape[0], units, batch_first=True)
        # nn.GRU has the reset gate first; its biases are two, as ours are. nn.LSTM's second bias is left at 0.
        blocks = range(4) if kind == "lstm" else (1, 0, 2)
        order = np.concatenate([np.arange(units) + units * block for block in blocks])
        biases = bias if kind == "gru" else np.stack([bias, np.zeros_like(bias)])
        with torch.no_grad():
            self.layer.weight_ih_l0.copy_(transposed(kernel[:, order]))
            self.layer.weight_hh_l0.copy_(transposed(recurrent[:, order]))
            self.layer.bias_ih_l0.copy_(torch.from_numpy(biases[0][order]))
            self.layer.bias_hh_l0.copy_(torch.from_numpy(biases[1][order]))
        self.layer.bias_hh_l0.requires_grad_(kind == "gru")

    def forward(self, x, lengths):
        if self.kind == "lstm":
            return self.layer(x)[0]
        outputs, states = self.layer(x)
        # Rows end where they end: what a step gives depends on no later one. Packed sequences take several times as long.
        return states[0] if lengths is None else outputs[torch.arange(len(lengths), device=device), lengths - 1]


class Positions(nn.Module):
    def __init__(self, rows):
        super().__init__()
        self.rows = nn.Parameter(torch.from_numpy(rows))

    def forward(self, x):
        return x + self.rows


def linear(kernel, bias):
    layer = nn.Linear(*kernel.shape)
    with torch.no_grad():
        layer.weight.copy_(transposed(kernel))
        layer.bias.copy_(torch.from_numpy(bias))
    return layer


class Block(nn.Module):
    """Pre-normalized: PyTorch 1.13 has no fused attention that trains, so it is written out, as in nanoGPT."""

    def __init__(self, heads, steps, own):
        super().__init__()
        width = own[0].shape[0]
        self.heads = heads
        self.first = nn.LayerNorm(width, eps=1e-3)
        self.joined = linear(own[2], own[3])
        self.output = linear(own[4], own[5])
        self.second = nn.LayerNorm(width, eps=1e-3)
        self.wide = linear(own[8], own[9])
        self.narrow = linear(own[10], own[11])
        self.register_buffer("later", torch.ones(steps, steps, dtype=torch.bool).triu(1))

    def forward(self, x):
        batch, steps, width = x.shape
        split = lambda part: part.view(batch, steps, self.heads, width // self.heads).transpose(1, 2)
        q, k, v = map(split, self.joined(self.first(x)).split(width, dim=2))
        scores = (q @ k.transpose(-2, -1)) * (width // self.heads) ** -0.5
        shares = F.softmax(scores.masked_fill(self.later, float("-inf")), dim=-1)
        x = x + self.output((shares @ v).transpose(1, 2).reshape(batch, steps, width))
        return x + self.narrow(F.gelu(self.wide(self.second(x))))


class Net(nn.Module):
    def __init__(self, spec, weights):
        super().__init__()
        self.layers = nn.ModuleList()
        images = None
        for index, (layer, own) in enumerate(zip(spec["layers"], weights)):
            kind = layer["kind"]
            is_last = index == len(weights) - 1
            if kind == "dense":
                kernel = own[0]
                if images is not None:
                    # Flattened with channels first here, with channels last there.
                    height, width, channels = images
                    kernel = kernel.reshape(height, width, channels, -1).transpose(2, 0, 1, 3)
                    kernel = kernel.reshape(height * width * channels, -1)
                    images = None
                dense = linear(kernel, own[1])
                self.layers.append(dense if is_last else nn.Sequential(dense, nn.ReLU()))
            elif kind == "batchNorm":
                self.layers.append(nn.BatchNorm1d(len(own[0]), eps=1e-3, momentum=0.01))
            elif kind == "dropout":
                self.layers.append(nn.Dropout(layer["rate"]))
            elif kind == "conv2d":
                self.layers.append(Conv(*own))
            elif kind == "maxPool":
                self.layers.append(nn.MaxPool2d(layer["size"]))
            elif kind == "flatten":
                images = layer["images"]
                self.layers.append(nn.Flatten())
            elif kind == "embedding":
                self.layers.append(nn.Embedding.from_pretrained(torch.from_numpy(own[0]), freeze=False))
            elif kind in ("lstm", "gru"):
                self.layers.append(Recurrent(kind, *own))
            elif kind == "positions":
                self.layers.append(Positions(*own))
            elif kind == "layerNorm":
                self.layers.append(nn.LayerNorm(len(own[0]), eps=1e-3))
            elif kind == "block":
                self.layers.append(Block(layer["heads"], spec["steps"], own))
            else:
                raise ValueError(f"no {kind} for PyTorch")

    def forward(self, x, lengths):
        for layer in self.layers:
            x = layer(x, lengths) if isinstance(layer, Recurrent) else layer(x)
        return x.flatten(0, -2)


class Work:
    """A net, its optimizer, and batches that steps go round."""

    def __init__(self, spec, arrays):
        arrays = iter(arrays)
        weights = [[next(arrays) for _ in range(count)] for count in spec["weights"]]
        self.net = Net(spec, weights).to(device)
        trained = [each for each in self.net.parameters() if each.requires_grad]
        self.adam = spec["adam"]
        self.optimizer = torch.optim.Adam(
            trained,
            lr=self.adam["learningRate"],
            betas=(self.adam["beta1"], self.adam["beta2"]),
            capturable=mode == "cuda-graph",
        )
        self.batches = []
        for lengths in spec["lengths"]:
            x = torch.from_numpy(next(arrays))
            if x.dim() == 4:
                x = x.permute(0, 3, 1, 2).contiguous()
            y = torch.from_numpy(next(arrays)).long().flatten()
            lengths = None if lengths is None else torch.tensor(lengths, device=device)
            self.batches.append((x.to(device), y.to(device), lengths))
        self.steps = 0
        self.loss = None
        self.is_tuned = device.type != "cpu"
        self.graph = None
        if mode == "cuda-graph":
            self.capture()

    def capture(self):
        """A graph of a step on tensors of its own, into which each batch is copied."""
        self.fed = [None if each is None else each.clone() for each in self.batches[0]]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.train(*self.fed)
        torch.cuda.current_stream().wait_stream(side)
        self.optimizer.zero_grad(set_to_none=True)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.train(*self.fed)

    def step(self):
        batch = self.batches[self.steps % len(self.batches)]
        self.steps += 1
        if self.graph is not None:
            for fed, given in zip(self.fed, batch):
                if fed is not None:
                    fed.copy_(given)
            self.graph.replay()
            return
        # PyTorch adds epsilon to the corrected second moment's root, Keras and we to the raw one's.
        self.optimizer.param_groups[0]["eps"] = self.adam["epsilon"] / (1 - self.adam["beta2"] ** self.steps) ** 0.5
        self.train(*batch)

    def train(self, x, y, lengths):
        self.optimizer.zero_grad(set_to_none=True)
        self.loss = F.cross_entropy(self.net(x, lengths), y)
        self.loss.backward()
        self.optimizer.step()

    def sample(self, runs, reads_each):
        if not self.is_tuned:
            self.tune()
        started = time.perf_counter()
        for _ in range(runs):
            self.step()
            if reads_each:
                self.loss.item()
        self.loss.item()
        return (time.perf_counter() - started) * 1000

    def tune(self):
        """Takes the number of threads that is quicker: a small net's steps are over before a second one is awake."""
        self.is_tuned = True
        if threads == 1:
            return
        times = {1: [], threads: []}
        for _ in range(3):
            for count in times:
                torch.set_num_threads(count)
                times[count].append(self.sample(4, False))
        torch.set_num_threads(min(times, key=lambda count: min(times[count])))


def answer(request, arrays):
    global work
    call = request["call"]
    if call == "open":
        torch.manual_seed(1)
        torch.set_flush_denormal(True)
        torch.set_num_threads(threads)
        if device.type == "cuda":
            return {"version": torch.__version__, "adapter": f"{torch.cuda.get_device_name()}, in PyTorch, {mode}"}
        # OpenBLAS's number of the version is in the file's name.
        return {
            "version": f"{torch.__version__} with {blas()}",
            "adapter": f"the processor, in PyTorch with up to {threads} threads",
        }
    if call == "prepare":
        torch.set_num_threads(threads)
        work = Work(request["net"], arrays)
        return None
    if call == "step":
        work.step()
        return [[work.loss.item()]]
    if call == "sample":
        return work.sample(request["runs"], request["readsEach"])
    if call == "read":
        return [[work.loss.item()]]
    if call == "count":
        return {"dispatches": 0, "submits": 0}
    if call == "memory":
        return {"peakBytes": 0}
    if call == "release":
        work = None
        return None
    raise ValueError(f"PyTorch is not asked for {call}")


def main():
    source = sys.stdin.buffer
    while line := source.readline():
        message = json.loads(line)
        arrays = []
        for array in message["arrays"]:
            count = int(np.prod(array["shape"]))
            values = np.frombuffer(source.read(4 * count), dtype=array["dtype"])
            arrays.append(values.reshape(array["shape"]).copy())
        try:
            reply = {"answer": answer(message["request"], arrays)}
        except Exception as error:  # told to whoever asked
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps({"id": message["id"], **reply}), flush=True)


main()
