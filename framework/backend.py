# Cut from steps/step60.py by "make framework": edit the step, not this file.
"""NumPy, or CuPy for arrays on a GPU."""

import sys

import numpy as np


def gpu_is_available():
    """True if CuPy is installed and finds a GPU."""
    try:
        import cupy

        return cupy.cuda.is_available()
    except (ImportError, RuntimeError):  # CuPy is missing, or finds no driver
        return False


def is_on_gpu(x):
    """True if x is an array of CuPy."""
    cupy = sys.modules.get("cupy")  # without it, nothing can be one of its arrays
    return cupy is not None and isinstance(x, cupy.ndarray)


def get_array_module(x):
    """cupy if the array x, or that in the Variable x, is one of CuPy, else numpy."""
    if hasattr(x, "requires_grad"):
        x = x.data
    return sys.modules["cupy"] if is_on_gpu(x) else np


def as_numpy(x):
    """The array x, or that in the Variable x, as NumPy's in the CPU's memory.

    An array that is there already is returned as it is.
    """
    x = x.data if hasattr(x, "requires_grad") else x
    return x.get() if is_on_gpu(x) else np.asarray(x)


def as_cupy(x):
    """The array x, or that in the Variable x, as CuPy's on the GPU.

    An array that is there already is returned as it is. Without CuPy it is a
    RuntimeError that says what to install: "pip install cupy-cuda12x".
    """
    try:
        import cupy
    except ImportError as error:
        raise RuntimeError(
            "A GPU is used through CuPy, which is not installed: "
            "pip install cupy-cuda12x, or see https://docs.cupy.dev"
        ) from error
    return cupy.asarray(x.data if hasattr(x, "requires_grad") else x)
