# Images moved by matrices, and gradients for both: torch 1.13 (grid_sample) where it has the fill mode, scipy 1.10
# (map_coordinates) for "wrap". Writes affine.json beside itself; everything in float64.
import json
import pathlib

import numpy
import scipy.ndimage
import torch
import torch.nn.functional as F

random = numpy.random.RandomState(7)
batch, height, width, channels = 3, 6, 7, 2
images = random.uniform(-1, 1, (batch, height, width, channels)).round(4)
weights = random.uniform(-1, 1, images.shape).round(4)
affine = numpy.array(
    [
        [[0.83, -0.31, 1.17], [0.29, 0.91, -0.73]],
        [[1.37, 0.43, -2.61], [-0.57, 1.21, 1.93]],
        [[-0.71, 0.13, 4.57], [0.19, -0.89, 6.31]],
    ]
)
perspective = numpy.array([[0.07, -0.03], [-0.02, 0.05], [0.04, 0.02]])


def places(matrices, seen):
    x = torch.arange(width, dtype=torch.float64)[None, None, :]
    y = torch.arange(height, dtype=torch.float64)[None, :, None]
    line = lambda row: row[:, 0, None, None] * x + row[:, 1, None, None] * y + row[:, 2, None, None]
    column, row = line(matrices[:, 0]), line(matrices[:, 1])
    if seen is None:
        return column, row
    scale = seen[:, 0, None, None] * x + seen[:, 1, None, None] * y + 1
    return column / scale, row / scale


# Gradients jump at whole places and nearest pixels at halves: small steps away from these matrices, until none is near.
def nearness(matrices, seen):
    at = numpy.stack([part.numpy() for part in places(torch.tensor(matrices), seen)])
    return numpy.abs(2 * at - (2 * at).round()).min()


start = affine
for step in range(100000):
    if min(nearness(affine, None), nearness(affine, torch.tensor(perspective))) > 4e-3:
        break
    affine = (start + random.uniform(-0.1, 0.1, start.shape)).round(4)
else:
    raise SystemExit("no such matrices")

modes = {"constant": "zeros", "nearest": "border", "reflect": "reflection"}
results = []
for mode in [*modes, "wrap"]:
    for interpolation in ["bilinear", "nearest"]:
        for seen in [None, perspective]:
            x = torch.tensor(images, requires_grad=True)
            m = torch.tensor(affine, requires_grad=True)
            p = None if seen is None else torch.tensor(seen, requires_grad=True)
            column, row = places(m, p)
            result = {"fillMode": mode, "interpolation": interpolation, "perspective": seen is not None}
            if mode == "wrap":
                order = 1 if interpolation == "bilinear" else 0
                moved = [
                    scipy.ndimage.map_coordinates(
                        images[b, :, :, c],
                        [row[b].detach().numpy(), column[b].detach().numpy()],
                        order=order,
                        mode="grid-wrap",
                    )
                    for b in range(batch)
                    for c in range(channels)
                ]
                y = numpy.stack(moved).reshape(batch, channels, height, width).transpose(0, 2, 3, 1)
                results.append({**result, "y": y.ravel().round(7).tolist()})
                continue
            grid = torch.stack([(2 * column + 1) / width - 1, (2 * row + 1) / height - 1], -1)
            y = F.grid_sample(
                x.permute(0, 3, 1, 2), grid, mode=interpolation, padding_mode=modes[mode], align_corners=False
            ).permute(0, 2, 3, 1)
            (y * torch.tensor(weights)).sum().backward()
            result["y"] = y.detach().numpy().ravel().round(7).tolist()
            result["images"] = x.grad.numpy().ravel().round(7).tolist()
            if interpolation == "bilinear":
                gradient = m.grad.reshape(batch, 6)
                if p is not None:
                    gradient = torch.cat([gradient, p.grad], 1)
                result["matrices"] = gradient.numpy().ravel().round(6).tolist()
            results.append(result)

path = pathlib.Path(__file__).with_suffix(".json")
made = {
    "images": images.ravel().tolist(),
    "shape": images.shape,
    "weights": weights.ravel().tolist(),
    "affine": affine.reshape(batch, 6).ravel().tolist(),
    "perspective": perspective.ravel().tolist(),
    "results": results,
}
path.write_text(json.dumps(made) + "\n")
