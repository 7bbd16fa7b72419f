"""What several processes do together, by MPI: sums of gradients, and of batches.

mpi4py passes arrays between processes. Without it there is one process, Alone.
"""

import time

import numpy as np

import framework.functions as F
import framework.layers as L
from framework import Config, Function, Variable


class Alone:
    """What is needed of MPI's communicator, for one process without MPI."""

    rank, size = 0, 1

    def Allreduce(self, x, total):
        total[...] = x

    def Bcast(self, x):
        pass

    def Barrier(self):
        pass


def communicator():
    """The processes that mpiexec has started; this one alone without mpi4py."""
    try:
        from mpi4py import MPI
    except ImportError:
        return Alone()
    return MPI.COMM_WORLD


def all_sum(x, comm):
    """The sum of the arrays x of all processes, in each of them."""
    x = np.ascontiguousarray(x)
    total = np.empty_like(x)
    comm.Allreduce(x, total)
    return total


class SumGradients:
    """A hook: adds up the gradients over all processes, as one array or each by itself.

    seconds has what each call took, without the wait for the slowest process.
    """

    def __init__(self, comm, each=False):
        self.comm, self.each, self.seconds = comm, each, []

    def __call__(self, params):
        self.comm.Barrier()
        start = time.perf_counter()
        gradients = [param.grad.data for param in params]
        if self.each:
            totals = [all_sum(g, self.comm) for g in gradients]
        else:
            flat = np.concatenate([g.ravel() for g in gradients])
            ends = np.cumsum([g.size for g in gradients])
            totals = np.split(all_sum(flat, self.comm), ends[:-1])
        for param, total in zip(params, totals):
            param.grad = Variable(total.reshape(param.shape))
        self.seconds.append(time.perf_counter() - start)


class AllSum(Function):
    """all_sum(x). All processes use it, so the gradient is the sum of theirs."""

    def __init__(self, comm):
        self.comm = comm

    def forward(self, x):
        return all_sum(x, self.comm)

    def backward(self, gy):
        return AllSum(self.comm)(gy)


class SyncBatchNorm(L.BatchNorm):
    """Batch normalisation by the mean and variance of a batch in several processes."""

    def __init__(self, comm, dtype):
        super().__init__(dtype=dtype)
        self.comm = comm

    def forward(self, x):
        if not Config.train:
            return super().forward(x)
        axes, shape = (0, 2, 3), (1, -1, 1, 1)
        n = all_sum(np.array(x.size / x.shape[1]), self.comm).item()
        mean = AllSum(self.comm)(F.sum(x, axes, keepdims=True)) / n
        x = x - mean
        var = AllSum(self.comm)(F.sum(x * x, axes, keepdims=True)) / n
        news = mean.data, var.data * (n / (n - 1))
        for old, new in zip((self.avg_mean.data, self.avg_var.data), news):
            old += (1 - self.decay) * (new.ravel() - old)
        gamma, beta = (F.reshape(p, shape) for p in (self.gamma, self.beta))
        return x * (var + self.eps) ** -0.5 * gamma + beta
