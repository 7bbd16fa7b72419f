# Cut from steps/step60.py by "make framework": edit the step, not this file.
"""From gradients to better parameters."""

import numpy as np

from framework.backend import as_numpy, get_array_module
from framework.core import NUMBERS, Variable, as_array, as_variable
from framework.layers import Layer
from framework.weights import read_npz, write_npz


class Optimizer:
    """Moves the parameters of a layer, its target, along their gradients.

    states is what it keeps: {param: {key: value}}. The keys are the letters of the
    formula, and Adam's t, an int. Only a parameter that was moved has an entry.
    hooks is a list of what add_hook() was given.
    """

    def __init__(self):
        self.target = None
        self.hooks = []
        self.states = {}  # what is kept for each parameter: {param: {key: value}}

    def setup(self, target):
        """Take the layer whose parameters are to be moved; returns self.

        Else a TypeError: setup() takes a layer or a model, not list.
        """
        if not isinstance(target, Layer):
            raise TypeError(
                f"setup() takes a layer or a model, not {type(target).__name__}."
            )
        self.target = target
        return self

    def add_hook(self, hook):
        """Call hook(params) before each update; FreezeParam before all others."""
        self.hooks.insert(0 if isinstance(hook, FreezeParam) else len(self.hooks), hook)

    def update(self):
        """Move each parameter that has a gradient after the hooks, except frozen ones.

        check_learnable() looks at all of them before the first is moved. A RuntimeError
        asks for setup(layer) if there was none.
        """
        if self.target is None:
            raise RuntimeError("There is nothing to update: call setup(layer) first.")
        params = [p for p in self.target.params() if p.requires_grad]
        for hook in self.hooks:  # one may take gradients away
            hook([p for p in params if p.grad is not None])
        params = [p for p in params if p.grad is not None]
        for param in params:
            check_learnable(param)
        for param in params:
            self.update_one(param)

    def __repr__(self):
        """The class and its numbers: MomentumSGD(lr=0.01, momentum=0.9)."""
        numbers = {key: x for key, x in vars(self).items() if isinstance(x, NUMBERS)}
        options = [f"{key}={x}" for key, x in numbers.items()]
        return f"{type(self).__name__}({', '.join(options)})"

    def update_one(self, param):
        """Change param.data with the help of param.grad, which stays as it is.

        Each optimizer has its own. This one raises a NotImplementedError: Optimizer has
        no update_one() yet.
        """
        raise NotImplementedError(f"{type(self).__name__} has no update_one() yet.")

    def state(self, param, key):
        """The array states[param][key], zeros at first, to be changed in place.

        It has the shape and dtype of param, but float32 for float16.
        """
        state = self.states.setdefault(param, {})
        if key not in state:
            dtype = np.result_type(param.dtype, np.float32)
            state[key] = np.zeros_like(param.data, dtype)
        return state[key]

    def save_states(self, path):
        """Write what is kept for each parameter, by names as "Adam/l0/W/m"."""
        kind, arrays = type(self).__name__, {}
        for name, param in self.target.named_params().items():
            for key, value in self.states.get(param, {}).items():
                arrays[f"{kind}/{name}/{key}"] = as_numpy(value)
        write_npz(arrays, path)

    def load_states(self, path):
        """Go on with what save_states() has written; t becomes an int again.

        A ValueError names the first that does not fit and leaves all as it was:
        "{path} does not fit: there is no place for Adam/l9/W/m." It is of another
        optimizer, parameter or shape, or its parameter has no data yet.
        """
        kind, states = type(self).__name__, {}
        params = {f"{kind}/{n}": p for n, p in self.target.named_params().items()}
        for name, array in read_npz(path).items():
            owner, _, key = name.rpartition("/")
            data = params[owner].data if owner in params else None
            is_count = array.shape == () and array.dtype.kind == "i"
            if data is None or not (is_count or array.shape == data.shape):
                raise ValueError(f"{path} does not fit: there is no place for {name}.")
            value = int(array) if is_count else get_array_module(data).asarray(array)
            states.setdefault(params[owner], {})[key] = value
        self.states = states


def check_learnable(param):
    """A TypeError if a parameter is of integers: small steps would be rounded off.

    It says: The parameter counts is of int64; only floating-point numbers can be
    learned. counts is the name, or without a name.
    """
    if param.dtype.kind != "f":
        raise TypeError(
            f"The parameter {param.name or 'without a name'} is of {param.dtype}; "
            "only floating-point numbers can be learned."
        )


def gradient_of(param):
    """The array of a gradient, of float16 as float32: squares would be 0 or inf."""
    g = param.grad.data
    return g.astype(np.result_type(g.dtype, np.float32), copy=False)


def take_step(param, step):
    """Move a parameter by -step, into a new array of its own dtype.

    Graphs that were made before keep the old array. A single number is an array, too.
    """
    param.data = as_array((param.data - step).astype(param.dtype, copy=False))


class SGD(Optimizer):
    """Stochastic gradient descent: p -= lr * g."""

    def __init__(self, lr=0.01):
        super().__init__()
        self.lr = lr

    def update_one(self, param):
        take_step(param, self.lr * param.grad.data)


class MomentumSGD(Optimizer):
    """A ball that rolls downhill: v = momentum * v - lr * g; p += v. (Polyak 1964)"""

    def __init__(self, lr=0.01, momentum=0.9):
        super().__init__()
        self.lr = lr
        self.momentum = momentum

    def update_one(self, param):
        v = self.state(param, "v")
        v *= self.momentum
        v -= self.lr * gradient_of(param)
        take_step(param, -v)


class AdaGrad(Optimizer):
    """Smaller steps where gradients have been large. (Duchi et al. 2011)

    h += g ** 2; p -= lr * g / (sqrt(h) + eps)
    """

    def __init__(self, lr=0.001, eps=1e-8):
        super().__init__()
        self.lr = lr
        self.eps = eps

    def update_one(self, param):
        h, g = self.state(param, "h"), gradient_of(param)
        h += g * g
        take_step(param, self.lr * g / (np.sqrt(h) + self.eps))


class AdaDelta(Optimizer):
    """Steps in the units of the parameter, without a learning rate. (Zeiler 2012)

    h = rho * h + (1 - rho) * g ** 2        running means of g ** 2
    d = sqrt((s + eps) / (h + eps)) * g
    s = rho * s + (1 - rho) * d ** 2        and of d ** 2
    p -= d
    """

    def __init__(self, rho=0.95, eps=1e-6):
        super().__init__()
        self.rho = rho
        self.eps = eps

    def update_one(self, param):
        h, s = self.state(param, "h"), self.state(param, "s")
        rho, eps, g = self.rho, self.eps, gradient_of(param)
        h += (1 - rho) * (g * g - h)
        d = np.sqrt((s + eps) / (h + eps)) * g
        s += (1 - rho) * (d * d - s)
        take_step(param, d)


class Adam(Optimizer):
    """Momentum and AdaGrad in one. (Kingma and Ba 2015)

    m = beta1 * m + (1 - beta1) * g         running means of g
    v = beta2 * v + (1 - beta2) * g ** 2    and of g ** 2
    p -= alpha * (m / (1 - beta1 ** t)) / (sqrt(v / (1 - beta2 ** t)) + eps)
    """

    def __init__(self, alpha=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
        super().__init__()
        self.alpha = alpha
        self.beta1 = beta1
        self.beta2 = beta2
        self.eps = eps

    @property
    def t(self):
        """How many updates have moved the parameter that was moved most; 0 at first."""
        counts = sorted(state.get("t", 0) for state in self.states.values())
        return counts[-1] if counts else 0

    @property
    def lr(self):
        """What m / sqrt(v) is multiplied by in the latest update, or in the first.

        alpha * sqrt(1 - beta2 ** t) / (1 - beta1 ** t)
        """
        t = self.t or 1
        return self.alpha * (1 - self.beta2**t) ** 0.5 / (1 - self.beta1**t)

    def update_one(self, param):
        m, v, g = self.state(param, "m"), self.state(param, "v"), gradient_of(param)
        t = self.states[param]["t"] = self.states[param].get("t", 0) + 1
        m += (1 - self.beta1) * (g - m)
        v += (1 - self.beta2) * (g * g - v)
        unbias1, unbias2 = 1 - self.beta1**t, 1 - self.beta2**t
        root = np.sqrt(v / unbias2)
        take_step(param, self.alpha / unbias1 * m / (root + self.eps))


class AdamW(Adam):
    """Adam with weight decay of its own. (Loshchilov and Hutter 2019)

    p -= alpha * weight_decay * p, then as Adam does. The gradient stays as it is.
    """

    def __init__(
        self, alpha=0.001, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01
    ):
        super().__init__(alpha, beta1, beta2, eps)
        self.weight_decay = weight_decay

    def update_one(self, param):
        take_step(param, self.alpha * self.weight_decay * param.data)
        super().update_one(param)


class WeightDecay:
    """A hook: adds rate * p to each gradient, which pulls the parameters to 0.

    The gradient is a new one of the same dtype; the array of the old one is kept.
    """

    def __init__(self, rate):
        self.rate = float(rate)

    def __call__(self, params):
        for param in params:
            param.grad = as_variable(param.grad.data + self.rate * param.data)


class ClipGrad:
    """A hook: shortens all gradients together, if they are longer than max_norm."""

    def __init__(self, max_norm):
        self.max_norm = max_norm

    def __call__(self, params):
        squares = [float((gradient_of(param) ** 2).sum()) for param in params]
        rate = float(self.max_norm / (np.sqrt(np.sum(squares)) + 1e-6))
        if rate < 1:
            for param in params:
                param.grad = Variable(as_array(param.grad.data * rate))


class FreezeParam:
    """A hook: keeps these parameters, and those of these layers, as they are.

    It sets their gradients to None, and asks a layer for its parameters each time.
    """

    def __init__(self, *frozen):
        self.frozen = frozen

    def __call__(self, params):
        for one in self.frozen:
            for param in one.params() if isinstance(one, Layer) else [one]:
                param.grad = None
