# Cut from steps/step60.py by "make framework": edit the step, not this file.
"""Batches of examples."""

import numpy as np

from framework.backend import as_cupy


class DataLoader:
    """The examples of a data set in batches, as arrays x and t, on the GPU if gpu.

    A loop over it is an epoch: each example once, the last batch may be shorter.
    shuffle changes their order from epoch to epoch, in the same way for a seed.
    """

    def __init__(self, dataset, batch_size, shuffle=True, gpu=False, seed=None):
        if batch_size < 1 or len(dataset) == 0:
            raise ValueError(
                f"There are no batches of {batch_size} out of {len(dataset)} examples."
            )
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.gpu = gpu
        self.random = np.random if seed is None else np.random.default_rng(seed)
        self.reset()

    def reset(self):
        """Begin a new epoch."""
        self.start = 0
        n = len(self.dataset)
        self.order = self.random.permutation(n) if self.shuffle else np.arange(n)

    def __len__(self):
        return -(-len(self.dataset) // self.batch_size)

    def __iter__(self):
        self.reset()
        return self

    def __next__(self):
        if self.start >= len(self.dataset):
            raise StopIteration
        end = self.start + self.batch_size
        chosen = self.order[self.start : end]
        self.start = end
        return self.batch(chosen)

    def batch(self, indices):
        """The examples at these indices: x (N, ...), and t (N, ...) or None."""
        xs, ts = zip(*(self.dataset[int(i)] for i in indices))
        x, t = np.array(xs), None if ts[0] is None else np.array(ts)
        if self.gpu:
            x, t = as_cupy(x), None if t is None else as_cupy(t)
        return x, t

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
        super().__init__(dataset, batch_size, shuffle=False, gpu=gpu)
        if len(self) == 0:
            raise ValueError(
                f"There are no {batch_size} sequences in {len(dataset)} examples."
            )

    def __len__(self):
        return len(self.dataset) // self.batch_size

    def __next__(self):
        if self.start >= len(self):
            raise StopIteration
        indices = np.arange(self.batch_size) * len(self) + self.start
        self.start += 1
        return self.batch(indices)
