"""One picture painted in the style of another.

    python -m examples.style_transfer
    python -m examples.style_transfer --weights squeezenet.npz \\
        --content a.png --style b.png

(Gatys et al. 2016) The pixels are what is learned: the features of a network are to be
those of one picture, how often they go together is to be as in the other. With weights
of SqueezeNet it paints photographs; else it paints a large digit out of small ones,
with a small network trained on them.
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
from framework import Layer, Parameter, no_grad, test_mode
from framework.optimizers import Adam


class Picture(Layer):
    """A picture whose pixels can be learned."""

    def __init__(self, x):
        self.x = Parameter(x.copy())

    def forward(self):
        return self.x


def gram(x):
    """How often the features x, (1, C, H, W), go together: (C, C)."""
    x = x.reshape(x.shape[1], -1)
    return x @ x.T / x.shape[1]


def relative_error(x, target):
    """The sum of the squared differences, in proportion to the target."""
    return F.sum((x - target) ** 2) / float((target**2).sum() + 1e-8)


def paint(model, content, style, steps, style_weight, lr):
    """Start at the content and move towards the style; returns picture and losses."""
    with no_grad(), test_mode():
        content_target = model.features(content)[-1].data
        style_targets = [gram(f).data for f in model.features(style)]
    picture = Picture(content)
    optimizer, losses = Adam(alpha=lr).setup(picture), []
    for step in range(steps):
        with test_mode():
            found = model.features(picture())
        loss = relative_error(found[-1], content_target)
        for f, target in zip(found, style_targets):
            loss = loss + style_weight * relative_error(gram(f), target)
        picture.cleargrads()
        loss.backward()
        optimizer.update()
        losses.append(float(loss.data))
        if step % 50 == 0 or step == steps - 1:
            print(f"step {step:4}  loss {losses[-1]:.4f}", flush=True)
    return picture.x.data, losses


def with_digits(options):
    """A large digit painted out of small ones: (H, W)."""
    model = trained_on_digits(options.epochs)
    data = digits()
    images = np.stack([data[i][0][0] for i in range(64)])
    style = tiled(images, 8)[None, None].astype(np.float32)
    size = style.shape[-1]
    rows = np.arange(size) * 8 // size
    content = images[0][rows][:, rows][None, None]
    x, _ = paint(model, content, style, options.steps, 5.0, 0.02)
    return np.concatenate([content[0, 0], style[0, 0], np.clip(x[0, 0], 0, 1)], axis=1)


def with_photographs(options):
    """A photograph painted in the style of another: (3, H, W)."""
    model = SqueezeFeatures(pretrained=options.weights)
    paths = options.content, options.style
    content, style = (model.preprocess(open_picture(p))[None] for p in paths)
    x, _ = paint(model, content, style, options.steps, 1.0, 2.0)
    means = np.array([104, 117, 123], np.float32).reshape(3, 1, 1)
    return ((x[0] + means) / 255)[::-1]  # blue, green, red the other way round


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--weights", help="a file of weights of SqueezeNet")
    parser.add_argument("--content", help="a photograph: what is to be seen")
    parser.add_argument("--style", help="a photograph: how it is to look")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=20, help="of the small network")
    parser.add_argument("--to-file", default="out/style.png")
    options = parser.parse_args(words)
    if options.weights and not (options.content and options.style):
        parser.error("--weights needs --content and --style.")
    image = (with_photographs if options.weights else with_digits)(options)
    save_png(options.to_file, image, scale=1 if options.weights else 3)


if __name__ == "__main__":
    main()
