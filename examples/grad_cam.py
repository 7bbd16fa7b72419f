"""Where a network looks: the parts of a picture that speak for the class it finds.

    python -m examples.grad_cam
    python -m examples.grad_cam --weights squeezenet.npz --picture cat.png

Grad-CAM (Selvaraju et al. 2017): the last features, each weighted with the mean of
the gradient that the score of the class has there. With weights of SqueezeNet it looks
at a photograph, else at handwritten digits with a small network trained on them.
"""

import argparse

import numpy as np

import framework.functions as F
from examples.common import save_png, tiled
from examples.networks import (
    SqueezeFeatures,
    digits,
    open_picture,
    trained_on_digits,
)
from framework import as_variable, test_mode


def heat(model, x):
    """The classes of pictures x, (N, C, H, W), and where they are seen: (N, h, w)."""
    with test_mode():
        features = as_variable(model.features(x)[-1].data)
        features.requires_grad = True
        y = model.scores(features)
    classes = y.data.argmax(axis=1)
    F.sum(y[np.arange(len(x)), classes]).backward()
    weights = features.grad.data.mean(axis=(2, 3), keepdims=True)
    map_ = np.maximum((weights * features.data).sum(axis=1), 0)
    return classes, map_ / (map_.max(axis=(1, 2), keepdims=True) + 1e-8)


def enlarged(image, H, W):
    """An image (h, w) as (H, W), each pixel repeated."""
    rows = np.arange(H) * image.shape[0] // H
    columns = np.arange(W) * image.shape[1] // W
    return image[rows][:, columns]


def warmed(image, map_):
    """A grey picture (H, W) in colors, (3, H, W): red where the map is high."""
    map_ = enlarged(map_, *image.shape)
    return np.stack([np.maximum(image, map_), image * (1 - 0.7 * map_), image * 0.6])


def on_digits(epochs):
    """A sheet of digits with the heat of each: (3, H, W)."""
    model = trained_on_digits(epochs)
    data = digits(train=False)
    x = np.stack([data[i][0] for i in range(30)])
    classes, maps = heat(model, x)
    print("It takes them for", *classes)
    zoomed = [enlarged(image, 32, 32) for image in x[:, 0]]
    return tiled(np.stack([warmed(*pair) for pair in zip(zoomed, maps)]), 10)


def on_photograph(weights, picture):
    """A photograph, as the network sees it, with its heat: (3, H, W)."""
    model = SqueezeFeatures(pretrained=weights)
    x = model.preprocess(open_picture(picture))[None]
    classes, maps = heat(model, x)
    print(f"It is of class {classes[0]} of ImageNet.")
    grey = x[0].mean(axis=0)
    return warmed((grey - grey.min()) / (grey.max() - grey.min()), maps[0])


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--weights", help="a file of weights of SqueezeNet")
    parser.add_argument("--picture", help="a photograph")
    parser.add_argument("--epochs", type=int, default=20, help="of the small network")
    parser.add_argument("--to-file", default="out/grad-cam.png")
    options = parser.parse_args(words)
    if (options.weights is None) != (options.picture is None):
        parser.error("--weights and --picture go together.")
    if options.weights:
        image = on_photograph(options.weights, options.picture)
    else:
        image = on_digits(options.epochs)
    save_png(options.to_file, image)


if __name__ == "__main__":
    main()
