# Cut from steps/step60.py by "make framework": edit the step, not this file.
"""Batches of examples."""

import numpy as np

from framework.backend import as_cupy, as_numpy


class DataLoader:
    """The examples of a data set in batches, as arrays x and t, on the GPU if gpu.

    Each loop is an epoch of its own, with each dataset[i] once, i an int. The last
    batch may be shorter, unless drop_last. With shuffle, iter() draws the order of an
    epoch at once: permutation(N) of default_rng(seed), or else of np.random. next()
    goes along an epoch of its own, whose order __init__ draws first.

    batch_size is an int from 1. Any other, as 0 or 2.0, and one that leaves no batch
    is a ValueError: There are no batches of 8 out of 7 examples. After the last batch
    next() raises StopIteration, until reset().
    """

    def __init__(
        self,
        dataset,
        batch_size,
        shuffle=True,
        gpu=False,
        *,
        seed=None,
        drop_last=False,
    ):
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.gpu = gpu
        self.drop_last = drop_last
        self.random = np.random if seed is None else np.random.default_rng(seed)
        is_whole = isinstance(batch_size, int | np.integer)
        if not is_whole or batch_size < 1 or len(self) == 0:
            raise ValueError(
                f"There are no batches of {batch_size} out of {len(dataset)} examples."
            )
        self.reset()

    def reset(self):
        """Begin a new epoch for next(), which goes along the iterator batches."""
        self.batches = iter(self)

    def __len__(self):
        n = len(self.dataset)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    @property
    def max_iter(self):
        """The number of batches in an epoch, as len(loader)."""
        return len(self)

    def __iter__(self):
        n = len(self.dataset)
        order = self.random.permutation(n) if self.shuffle else np.arange(n)
        return map(self.batch, self.split(order))

    def split(self, order):
        """The numbers of the examples in their order, a part for each batch."""
        size = self.batch_size
        return [order[i * size : (i + 1) * size] for i in range(len(self))]

    def __next__(self):
        return next(self.batches)

    def batch(self, indices):
        """The examples at these indices: x (N, ...), and t (N, ...) or None.

        Both by np.array; t is None if there are no labels.
        """
        xs, ts = zip(*(self.dataset[int(i)] for i in indices))
        moved = as_cupy if self.gpu else as_numpy
        return moved(np.array(xs)), None if ts[0] is None else moved(np.array(ts))

    def next(self):
        """The next batch, as next(loader) gives it."""
        return next(self)

    def to_cpu(self):
        """Give NumPy's arrays from now on."""
        self.gpu = False

    def to_gpu(self):
        """Give CuPy's arrays from now on."""
        self.gpu = True


class SeqDataLoader(DataLoader):
    """The examples of a long sequence in order, from batch_size places at a time.

    The k-th numbers of all batches make up the k-th part of the sequence.
    """

    def __init__(self, dataset, batch_size, gpu=False):
        super().__init__(dataset, batch_size, shuffle=False, gpu=gpu, drop_last=True)

    def split(self, order):
        """The numbers of the examples, a row for each batch."""
        used = order[: len(self) * self.batch_size]
        return used.reshape(self.batch_size, -1).T
