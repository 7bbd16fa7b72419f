# Cut from steps/step60.py by "make framework": edit the step, not this file.
"""Examples to learn from."""

import operator
import pathlib

import numpy as np

from framework.files import get_file, is_cached
from framework.transforms import Compose, Flatten, Normalize, ToFloat


class Dataset:
    """Examples: dataset[i] is (transform(data[i]), target_transform(label[i])).

    i is any integer, else a TypeError; data and label get it as an int. A label is
    None if there are none, and then it is not transformed.

    __init__ ends with prepare(), in which a subclass sets data and label. Before, they
    are None, and len(dataset) is 0. Without a transform an example stays as it is.
    """

    def __init__(self, train=True, transform=None, target_transform=None):
        self.train = train
        self.transform = transform or Compose()
        self.target_transform = target_transform or Compose()
        self.data = None
        self.label = None
        self.prepare()

    def prepare(self):
        """Load the data and the labels; here there are none."""

    def __repr__(self):
        """The class, and how many examples there are: Spiral(300 examples)."""
        return f"{type(self).__name__}({len(self)} examples)"

    def __getitem__(self, index):
        index = operator.index(index)
        t = None if self.label is None else self.target_transform(self.label[index])
        return self.transform(self.data[index]), t

    def __len__(self):
        return 0 if self.data is None else len(self.data)


class ArrayDataset(Dataset):
    """Arrays as a data set; a ValueError: "2 examples cannot have 3 labels."."""

    def __init__(self, data, label=None, transform=None, target_transform=None):
        if label is not None and len(data) != len(label):
            raise ValueError(f"{len(data)} examples cannot have {len(label)} labels.")
        super().__init__(True, transform, target_transform)
        self.data, self.label = data, label


class Subset(Dataset):
    """Example i is example indices[i] of a data set; indices is an array or a list."""

    def __init__(self, dataset, indices):
        super().__init__()
        self.dataset, self.data = dataset, indices

    def __getitem__(self, index):
        return self.dataset[self.data[operator.index(index)]]


def random_split(dataset, count, seed=None):
    """Two Subsets: `count` examples of this data set, drawn at random, and the others.

    They are cut from permutation(N) of np.random, or of default_rng(seed). A count that
    is not 1, 2, ... N - 1 is a ValueError: Of 5 examples 0.8 cannot be split off.
    """
    if count not in range(1, len(dataset)):
        raise ValueError(f"Of {len(dataset)} examples {count} cannot be split off.")
    random = np.random if seed is None else np.random.default_rng(seed)
    order = random.permutation(len(dataset))
    return Subset(dataset, order[:count]), Subset(dataset, order[count:])


def get_spiral(train=True):
    """300 points in a spiral of three arms: x (300, 2), float32; their arms t (300,).

    The points for training and for testing differ by chance.
    """
    rng = np.random.default_rng(0 if train else 1)
    t = np.arange(300) // 100
    radius = np.arange(300) % 100 / 100
    angle = 4 * t + 4 * radius + 0.2 * rng.standard_normal(300)
    x = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)
    order = rng.permutation(300)
    return x[order].astype(np.float32), t[order]


class Spiral(Dataset):
    """The points of get_spiral()."""

    def prepare(self):
        self.data, self.label = get_spiral(self.train)


def data_file(name):
    """The path of a small file of data that comes with this code."""
    here = pathlib.Path(__file__).resolve().parent
    paths = [place / "data" / name for place in (here, here.parent, pathlib.Path())]
    return next((path for path in paths if path.is_file()), paths[-1])


class Digits(Dataset):
    """1,797 handwritten digits of 8 x 8 pixels, the numbers 0 to 16, from UCI.

    digits.npz has the arrays "images" and "labels". Those at an index with
    index % 5 == 4 are for testing. data (N, 1, 8, 8) stays np.uint8, as in the file;
    label (N,) becomes int. Without a transform of yours, each image becomes a row of
    64 float32 from 0 to 1. (Alpaydin and Kaynak 1998)
    """

    def __init__(self, train=True, transform=None, target_transform=None):
        flat = Compose([Flatten(), ToFloat(), Normalize(0, 16)])
        super().__init__(train, transform or flat, target_transform)

    def prepare(self):
        with np.load(data_file("digits.npz"), allow_pickle=False) as file:
            images, labels = file["images"][:, None], file["labels"]
        chosen = (np.arange(len(labels)) % 5 == 4) != self.train
        self.data, self.label = images[chosen], labels[chosen].astype(int)


class MNIST(Dataset):
    """70,000 handwritten digits of 28 x 28 pixels, 0 to 255; 10,000 are for testing.

    They are downloaded at first (11 MB), as mnist.npz in the cache. It has the
    arrays x_train, y_train, x_test and y_test. data (N, 1, 28, 28) stays np.uint8;
    label (N,) becomes int. Without a transform of yours, each image becomes a row of
    784 float32 from 0 to 1. (LeCun et al. 1998)
    """

    URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
    SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"

    def __init__(self, train=True, transform=None, target_transform=None):
        flat = Compose([Flatten(), ToFloat(), Normalize(0, 255)])
        super().__init__(train, transform or flat, target_transform)

    @classmethod
    def is_cached(cls):
        """True if the cache has the file with this SHA-256."""
        return is_cached("mnist.npz", cls.SHA256)

    def prepare(self):
        part = "train" if self.train else "test"
        with np.load(get_file(self.URL, "mnist.npz", self.SHA256)) as file:
            self.data = file[f"x_{part}"][:, None]
            self.label = file[f"y_{part}"].astype(int)


class ImageNet:
    """The names of the 1,000 kinds of photographs of ImageNet."""

    URL = (
        "https://raw.githubusercontent.com/anishathalye/imagenet-simple-labels/"
        "master/imagenet-simple-labels.json"
    )
    SHA256 = "987705581d9446328498f950454a1cc7d8dfc578a8243d8bfdcd2588a6905aae"

    @classmethod
    def labels(cls):
        """The names as a list, downloaded at first (14 kB)."""
        import json

        path = get_file(cls.URL, "imagenet/imagenet-simple-labels.json", cls.SHA256)
        return json.loads(path.read_bytes())


class CIFAR10(Dataset):
    """60,000 photographs of 32 x 32 pixels, of 10 classes; 10,000 are for testing.

    data is (N, 3, 32, 32), 0 to 255; downloaded at first, 170 MB. (Krizhevsky 2009)
    """

    URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
    SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
    TRAIN = [f"cifar-10-batches-bin/data_batch_{i}.bin" for i in range(1, 6)]
    TEST = ["cifar-10-batches-bin/test_batch.bin"]
    LABELS, CHOSEN = 1, 0  # so many labels stand before the pixels; this one counts

    def __init__(self, train=True, transform=None, target_transform=None):
        scaled = Compose([ToFloat(), Normalize(127.5, 127.5)])
        super().__init__(train, transform or scaled, target_transform)

    @classmethod
    def read(cls, names):
        """What is in the files of these names in the archive, one after the other."""
        import tarfile

        with tarfile.open(get_file(cls.URL, sha256=cls.SHA256)) as archive:
            return b"".join(archive.extractfile(name).read() for name in names)

    def prepare(self):
        content = self.read(self.TRAIN if self.train else self.TEST)
        rows = np.frombuffer(content, np.uint8).reshape(-1, self.LABELS + 3 * 32 * 32)
        self.data = rows[:, self.LABELS :].reshape(-1, 3, 32, 32)
        self.label = rows[:, self.CHOSEN].astype(int)

    @staticmethod
    def labels():
        """The names of the classes."""
        return "airplane automobile bird cat deer dog frog horse ship truck".split()


class CIFAR100(CIFAR10):
    """As CIFAR10, of 100 classes, label_type "fine", or in 20 groups, "coarse"."""

    URL = "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"
    SHA256 = "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"
    TRAIN = ["cifar-100-binary/train.bin"]
    TEST = ["cifar-100-binary/test.bin"]
    LABELS = 2

    def __init__(
        self, train=True, transform=None, target_transform=None, label_type="fine"
    ):
        self.CHOSEN = ("coarse", "fine").index(label_type)
        super().__init__(train, transform, target_transform)

    @classmethod
    def labels(cls, label_type="fine"):
        """The names of the classes, or of the groups, out of the archive."""
        name = f"cifar-100-binary/{label_type}_label_names.txt"
        return cls.read([name]).decode().split()


class SinCurve(Dataset):
    """A sine of 1,000 points with noise, each to be followed by the next.

    For testing a cosine without noise. data and label are (999, 1).
    """

    def prepare(self):
        x = np.linspace(0, 2 * np.pi, 1000)
        noise = np.random.default_rng(0).uniform(-0.05, 0.05, x.shape)
        y = np.sin(x) + noise if self.train else np.cos(x)
        y = y.astype(np.float32)[:, None]
        self.data, self.label = y[:-1], y[1:]


class Shakespeare(Dataset):
    """The letters of some plays of Shakespeare, each to be followed by the next.

    data and label are integers; char_to_id and id_to_char say of which letters.
    Downloaded at first (1 MB). (Karpathy 2015)
    """

    URL = (
        "https://raw.githubusercontent.com/karpathy/char-rnn/"
        "master/data/tinyshakespeare/input.txt"
    )
    SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"

    def prepare(self):
        path = get_file(self.URL, "shakespeare.txt", self.SHA256)
        text = path.read_text(encoding="utf-8")
        self.id_to_char = dict(enumerate(sorted(set(text))))
        self.char_to_id = {char: i for i, char in self.id_to_char.items()}
        ids = np.array([self.char_to_id[char] for char in text])
        self.data, self.label = ids[:-1], ids[1:]
