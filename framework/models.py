# Cut from steps/step60.py by "make framework": edit the step, not this file.
"""Layers that are a whole network."""

import numpy as np

from framework.files import get_file
from framework.functions.activation import relu, sigmoid
from framework.functions.conv import pooling
from framework.functions.normalization import dropout
from framework.functions.shape import concatenate, flatten, mean
from framework.graph import plot_dot_graph
from framework.layers import BatchNorm, Conv2d, Layer, Linear
from framework.transforms import (
    CenterCrop,
    Compose,
    Convert,
    Normalize,
    Resize,
    ResizeShortSide,
    ToArray,
    imagenet_image,
)
from framework.weights import from_pytorch, read_weights, set_weights


class Model(Layer):
    """A layer that is a whole network, and can be drawn."""

    def plot(self, *xs, to_file="out/model.svg", **options):
        """Draw the graph of a call by plot_dot_graph, verbose; returns its path."""
        return plot_dot_graph(self(*xs, **options), verbose=True, to_file=to_file)


class Sequential(Model):
    """Layers, or any functions of one Variable, one after the other.

    They are the attributes l0, l1, ... and may be replaced there. A layer that stands
    twice has two attributes.
    """

    def __init__(self, *layers):
        self.count = len(layers)
        for i, layer in enumerate(layers):
            setattr(self, f"l{i}", layer)

    @property
    def layers(self):
        """The attributes l0, l1, ... as a tuple."""
        return tuple(getattr(self, f"l{i}") for i in range(self.count))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class MLP(Sequential):
    """Linear layers l0, l1, ... of these sizes, and the activation between any two.

    fc_output_sizes is a tuple or list with the out_size of each; in_size is left to
    the first call.
    """

    def __init__(self, fc_output_sizes, *, activation=sigmoid):
        super().__init__(*map(Linear, fc_output_sizes))
        self.activation = activation

    def forward(self, x):
        *layers, last = self.layers
        for layer in layers:
            x = self.activation(layer(x))
        return last(x)


class VGG16(Model):
    """13 convolutions and 3 linear layers. (Simonyan and Zisserman 2014)

    pretrained: True downloads weights (553 MB); a path reads them from a file,
    .safetensors with the names of timm or .npz with those of the book.
    """

    URL = "https://huggingface.co/timm/vgg16.tv_in1k/resolve/main/model.safetensors"
    SHA256 = "57b026918159a6bf9faf8405c3a551903768e7138989d9c6224a14227203fad8"
    BLOCKS = (64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3

    def __init__(self, pretrained=False):
        for i, block in enumerate(self.BLOCKS, 1):
            for j, channels in enumerate(block, 1):
                setattr(self, f"conv{i}_{j}", Conv2d(channels, 3, pad=1))
        self.fc6 = Linear(4096)
        self.fc7 = Linear(4096)
        self.fc8 = Linear(1000)
        if pretrained is True:
            pretrained = get_file(self.URL, "vgg16.safetensors", self.SHA256)
        if pretrained:
            self.load_published(pretrained)

    def forward(self, x):
        for i, block in enumerate(self.BLOCKS, 1):
            for j in range(1, len(block) + 1):
                x = relu(getattr(self, f"conv{i}_{j}")(x))
            x = pooling(x, 2, 2)
        x = flatten(x)
        x = dropout(relu(self.fc6(x)))
        x = dropout(relu(self.fc7(x)))
        return self.fc8(x)

    def load_published(self, path):
        """Read the weights from a file in one of the published layouts."""
        arrays = read_weights(path)
        convs = [name for name in vars(self) if name.startswith("conv")]
        places = {k.split(".")[1] for k in arrays if k.startswith("features.")}
        places = sorted(places, key=lambda place: (len(place), place))
        layers = {f"features.{place}": conv for place, conv in zip(places, convs)}
        layers |= {"pre_logits.fc1": "fc6", "pre_logits.fc2": "fc7", "head.fc": "fc8"}
        if places:
            self.preprocess = imagenet_image
        set_weights(self, from_pytorch(self, arrays, layers), path)

    @staticmethod
    def preprocess(image, size=(224, 224), dtype=np.float32):
        """A PIL image as an array (3, H, W), as the book's weights ask for it."""
        steps = [Convert("BGR"), *([Resize(size)] if size else []), ToArray(dtype)]
        return Compose([*steps, Normalize([103.939, 116.779, 123.68])])(image)


class Bottleneck(Layer):
    """Three convolutions, and a way around them with one or none."""

    def __init__(self, channels, stride=1, downsample=False):
        self.conv1, self.bn1 = normalized(channels, 1)
        self.conv2, self.bn2 = normalized(channels, 3, stride, pad=1)
        self.conv3, self.bn3 = normalized(4 * channels, 1)
        self.downsample = normalized(4 * channels, 1, stride) if downsample else ()

    def forward(self, x):
        y = relu(self.bn1(self.conv1(x)))
        y = relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        for layer in self.downsample:
            x = layer(x)
        return relu(x + y)


def normalized(channels, kernel_size, stride=1, pad=0):
    """A Conv2d without a bias, and the batch normalization behind it, which has one."""
    conv = Conv2d(channels, kernel_size, stride=stride, pad=pad, nobias=True)
    return conv, BatchNorm(eps=1e-5)


class ResNet(Model):
    """A network of 50, 101 or 152 layers, most of them with a way around them.

    (He et al. 2015.) pretrained: the path of a file with the names of torchvision,
    .safetensors or .npz.
    """

    DEPTHS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
    preprocess = staticmethod(imagenet_image)

    def __init__(self, n_layers=152, pretrained=False):
        if n_layers not in self.DEPTHS:
            raise ValueError(f"A ResNet has 50, 101 or 152 layers, not {n_layers}.")
        self.conv1, self.bn1 = normalized(64, 7, 2, pad=3)
        for i, depth in enumerate(self.DEPTHS[n_layers]):
            channels, stride = 64 * 2**i, 2 if i > 0 else 1
            blocks = [Bottleneck(channels, stride, downsample=True)]
            blocks += [Bottleneck(channels) for _ in range(depth - 1)]
            setattr(self, f"layer{i + 1}", blocks)
        self.fc = Linear(1000)
        load_pretrained(self, pretrained)

    def forward(self, x):
        x = pooling(relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for block in self.layer1 + self.layer2 + self.layer3 + self.layer4:
            x = block(x)
        return self.fc(mean(x, axis=(2, 3)))


class ResNet50(ResNet):
    """ResNet with 50 layers."""

    def __init__(self, pretrained=False):
        super().__init__(50, pretrained)


class ResNet101(ResNet):
    """ResNet with 101 layers."""

    def __init__(self, pretrained=False):
        super().__init__(101, pretrained)


class ResNet152(ResNet):
    """ResNet with 152 layers."""

    def __init__(self, pretrained=False):
        super().__init__(152, pretrained)


def load_pretrained(model, path):
    """Read weights with the names of PyTorch, if a path is given.

    True is a ValueError: "No published checksum is known: give the path of a file."
    """
    if path is True:
        raise ValueError("No published checksum is known: give the path of a file.")
    if path:
        set_weights(model, from_pytorch(model, read_weights(path)), path)


class Fire(Layer):
    """A narrow convolution, then two wide ones side by side: 2 * wide channels.

    squeeze, 1 x 1; expand1x1; expand3x3, with pad 1. There is relu behind each. In
    the output the channels of expand1x1 come first.
    """

    def __init__(self, narrow, wide):
        self.squeeze = Conv2d(narrow, 1)
        self.expand1x1 = Conv2d(wide, 1)
        self.expand3x3 = Conv2d(wide, 3, pad=1)

    def forward(self, x):
        x = relu(self.squeeze(x))
        return concatenate([relu(self.expand1x1(x)), relu(self.expand3x3(x))])


class SqueezeNet(Model):
    """SqueezeNet 1.0, of 1.2 million parameters. (Iandola et al. 2016)

    pretrained: the path of a file with names such as fire2.squeeze.weight.
    """

    NARROW = 16, 16, 32, 32, 48, 48, 64, 64  # channels of fire2 to fire9

    def __init__(self, pretrained=False):
        self.conv1 = Conv2d(96, 7, stride=2)
        for i, narrow in enumerate(self.NARROW, 2):
            setattr(self, f"fire{i}", Fire(narrow, 4 * narrow))
        self.conv_final = Conv2d(1000, 1, pad=1)
        load_pretrained(self, pretrained)

    def forward(self, x):
        x = pooling(relu(self.conv1(x)), 3, 2)
        for i in range(2, 10):
            x = getattr(self, f"fire{i}")(x)
            if i in (4, 8):
                x = pooling(x, 3, 2)
        x = relu(self.conv_final(dropout(x)))
        return mean(x, axis=(2, 3))

    @staticmethod
    def preprocess(image, size=227, dtype=np.float32):
        """The middle of a PIL image, (3, size, size), as the weights ask for it.

        Its short side gets 256 pixels first, whatever size is. The channels are blue,
        green, red, less 104, 117 and 123.
        """
        steps = [Convert("BGR"), ResizeShortSide(256), CenterCrop(size), ToArray(dtype)]
        return Compose([*steps, Normalize([104, 117, 123])])(image)
