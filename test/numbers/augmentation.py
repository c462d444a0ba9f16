# Images changed as the layers of augmentation change them, by scipy and torch: python3 test/numbers/augmentation.py
import json
import os

import numpy as np
import scipy.ndimage as nd
import torch
import torch.nn.functional as F

modes = {"constant": "grid-constant", "nearest": "nearest", "reflect": "reflect", "wrap": "grid-wrap"}


def images(*shape):
    """The numbers that the tests make, too."""
    i = np.arange(np.prod(shape))
    return np.float32(np.sin(i * 1.7)).astype(np.float64).reshape(shape)


def apart(x, fn):
    """Each channel of each image by itself."""
    return np.stack([np.stack([fn(image[..., c]) for c in range(image.shape[-1])], -1) for image in x])


def rotated(x, turns, mode, order, value=0.0):
    # scipy turns counter-clockwise where the first axis points down, as an image's does.
    return apart(x, lambda a: nd.rotate(a, 360 * turns, reshape=False, order=order, mode=modes[mode], cval=value))


def moved(x, down, right, mode, order, value=0.0):
    _, h, w, _ = x.shape
    return apart(x, lambda a: nd.shift(a, (down * h, right * w), order=order, mode=modes[mode], cval=value))


def zoomed(x, down, across, mode, order, value=0.0):
    _, h, w, _ = x.shape
    scale = np.array([1 + down, 1 + across])
    middle = np.array([h - 1, w - 1]) / 2
    return apart(
        x,
        lambda a: nd.affine_transform(
            a, scale, middle - scale * middle, order=order, mode=modes[mode], cval=value
        ),
    )


def blurred(x, sigma, size):
    return apart(x, lambda a: nd.gaussian_filter(a, sigma, mode="reflect", radius=(size - 1) // 2))


def resized(x, size, mode):
    t = torch.tensor(x).permute(0, 3, 1, 2)
    options = {"align_corners": False} if mode == "bilinear" else {}
    y = F.interpolate(t, size, mode="nearest-exact" if mode == "nearest" else mode, **options)
    return y.permute(0, 2, 3, 1).numpy()


x = images(2, 7, 9, 3)
even = images(2, 6, 8, 2)
mean = x.mean((1, 2), keepdims=True)
results = {
    "rotation, reflect": rotated(x, 0.07, "reflect", 1),
    "rotation, constant": rotated(x, -0.11, "constant", 1, 0.5),
    "rotation, wrap": rotated(even, 0.3, "wrap", 1),
    "rotation, nearest pixels": rotated(x, 0.07, "nearest", 0),
    "translation, reflect": moved(x, 0.2, -0.13, "reflect", 1),
    "translation, constant": moved(even, -0.3, 0.21, "constant", 1, -1),
    "zoom, out": zoomed(x, 0.3, 0.3, "reflect", 1),
    "zoom, in": zoomed(even, -0.4, -0.2, "nearest", 1),
    "blur": blurred(x, 0.8, 7),
    "blur, wide": blurred(even, 1.7, 11),
    "blur, narrow window": blurred(even, 1.2, 3),
    "brightness": np.clip(x + 0.2 * 4, -2, 2),
    "brightness, clipped": np.clip(x - 0.3 * 2, -1, 1),
    "contrast": np.clip((x - mean) * 1.4 + mean, -1, 1),
    "resizing": resized(x, (5, 12), "bilinear"),
    "resizing, nearest": resized(x, (5, 12), "nearest"),
    # int(9 * 4 / 4) = 9 columns are cut to 7, and the middle of 7 of 9 begins at 1.
    "resizing, undistorted": resized(x[:, :, 1:8], (4, 4), "bilinear"),
    "centre": x[:, 2:5, 2:7],
    "centre of a smaller one": resized(x[:, :, 1:8], (10, 10), "bilinear"),
}
here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "augmentation.json"), "w") as file:
    rounded = {name: [round(v, 6) for v in y.ravel().tolist()] for name, y in results.items()}
    json.dump(rounded, file, separators=(",", ":"))
    file.write("\n")
