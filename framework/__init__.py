"""A deep-learning framework, cut from steps/step60.py by make framework.

Edit the step, not this.
"""

from framework import (
    backend,
    checks,
    core,
    cuda,
    dataloaders,
    datasets,
    files,
    functions,
    graph,
    layers,
    models,
    optimizers,
    transforms,
    utils,
    weights,
)
from framework.core import (
    Config,
    Function,
    Parameter,
    Variable,
    as_array,
    as_variable,
    no_grad,
    test_mode,
    using_config,
)
from framework.dataloaders import DataLoader, SeqDataLoader
from framework.datasets import Dataset
from framework.layers import Layer
from framework.models import Model, Sequential

__all__ = [
    "Config",
    "DataLoader",
    "Dataset",
    "Function",
    "Layer",
    "Model",
    "Parameter",
    "SeqDataLoader",
    "Sequential",
    "Variable",
    "as_array",
    "as_variable",
    "backend",
    "checks",
    "core",
    "cuda",
    "dataloaders",
    "datasets",
    "files",
    "functions",
    "graph",
    "layers",
    "models",
    "no_grad",
    "optimizers",
    "test_mode",
    "transforms",
    "using_config",
    "utils",
    "weights",
]

__version__ = "0.1.0"
