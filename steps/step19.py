"""Step 19 · A variable like an array

Problem
print(x) says <__main__.Variable object at 0x7f21c03a5bd0>. x.shape and
len(x) are errors; it takes x.data.shape and len(x.data) to find out. And
in a graph of thirty variables, which of them is it?

Idea
A box should be as easy to look into as what is in it. Python asks an
object for x.shape through a property, for len(x) through x.__len__ and
for the text of print(x) through x.__repr__. Each passes on what the array
says:

    x.shape     the length of each axis, a tuple      (2, 3)
    x.ndim      the number of axes                    2
    x.size      the number of elements                6
    x.dtype     the type of the elements              float64
    len(x)      the length of the first axis          2

In the code
shape, ndim, size and dtype are properties: read without brackets, and
not to be written to. len() of a 0-d array is a TypeError, which is
NumPy's own. Variable(data, name=None) keeps a name for printing and
drawing; name is one more of the __slots__.

x.item() is the number in an array of one element, as Python's; float(x),
int(x) and f"{x:.2f}" go through it. Without a format, f"{x}" is str(x).
np.asarray(x) asks x.__array__, which gives the array.
copy.copy(x), copy.deepcopy(x) and pickle ask x.__getstate__: a variable
that has a creator is a TypeError, since half a history is worse than none.

repr(x) is "variable(", what str() makes of the array, and ")". Where that
has more than one line, each further line, an empty one too, starts with
nine spaces, the width of "variable(", so that the columns stay in line.
An empty box gives variable(None).

New:      Variable.shape, Variable.ndim, Variable.size, Variable.dtype,
          Variable.item, Variable.__len__, Variable.__repr__,
          Variable.__float__, Variable.__int__, Variable.__format__,
          Variable.__array__, Variable.__getstate__
Changed:  Variable, Variable.__init__
Removed:  nothing

Elsewhere
PyTorch's tensors have shape, ndim and dtype, but size() is the shape
there and numel() is the number of elements. JAX's arrays are as NumPy's.
TensorFlow has functions for two of them: tf.size(x) and tf.rank(x).

Watch out
if x: asks __len__ from now on: an empty variable counts as false, and a
0-d one is a TypeError. Write if x is not None: when you mean that.

Try
1. Leave out the replace() in __repr__ and print a matrix.
2. Take "name" out of the __slots__. Which line complains?
3. Define __str__ instead of __repr__ and print [x], a list.

Output
    x = variable([1. 2. 3.])
    y = variable(9.0)
    variable([[1. 2. 3.]
              [4. 5. 6.]])
    name weights, shape (2, 3), ndim 2, size 6
    dtype float64, length 2
    in a list: [variable([1. 2. 3.]), variable(9.0)]
"""

import contextlib
import copy
import weakref

import numpy as np


class Config:
    """Settings of the whole program."""

    enable_backprop = True


@contextlib.contextmanager
def using_config(name, value):
    """Within the with block Config.name is value; afterwards it is what it was."""
    old = getattr(Config, name)
    setattr(Config, name, value)
    try:
        yield
    finally:
        setattr(Config, name, old)


def no_grad():
    """Within the with block nothing is recorded, so nothing can be differentiated."""
    return using_config("enable_backprop", False)


NUMBERS = (int, float, np.number)


def as_array(x):
    """x as an array: an array stays itself, a number becomes a 0-d array."""
    if isinstance(x, np.ndarray):
        return x
    if isinstance(x, NUMBERS):
        return np.array(x)
    raise TypeError(f"Expected an array or a number, but got {x!r}.")


class Variable:
    """A box that holds an array."""

    __slots__ = ("data", "name", "grad", "creator", "generation", "__weakref__")

    def __init__(self, data, name=None):
        if data is not None and not isinstance(data, np.ndarray):
            raise TypeError(
                f"Variable holds a NumPy array, but got {data!r}. "
                f"Turn it into one first: np.array({data!r})."
            )
        self.data = data
        self.name = name
        self.grad = None
        self.creator = None
        self.generation = 0

    @property
    def shape(self):
        """The length of each axis, as a tuple."""
        return self.data.shape

    @property
    def ndim(self):
        """The number of axes."""
        return self.data.ndim

    @property
    def size(self):
        """The number of elements."""
        return self.data.size

    @property
    def dtype(self):
        """The type of the elements."""
        return self.data.dtype

    def item(self):
        """The number in an array of one element, as Python's."""
        return self.data.item()

    def __len__(self):
        return len(self.data)

    def __repr__(self):
        indent = "\n" + " " * len("variable(")
        return "variable(" + str(self.data).replace("\n", indent) + ")"

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __format__(self, spec):
        return format(self.item(), spec) if spec else str(self)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.data, dtype, copy=copy)

    def __getstate__(self):
        if self.creator is not None:
            raise TypeError(
                "A variable that a function has made cannot be copied or pickled, "
                "since it has a history: copy Variable(x.data)."
            )
        return super().__getstate__()

    def set_creator(self, func):
        """Remember the function that made this variable, one generation before."""
        self.creator = func
        self.generation = func.generation + 1

    def cleargrad(self):
        """Forget the gradient, before the variable is used in a new calculation."""
        self.grad = None

    def backward(self, *, retain_grad=False):
        """Add to the gradient of each variable at the ends of the graph what is due.

        The variables in between get theirs only with retain_grad.
        """
        gy = np.ones_like(self.data) if self.grad is None else self.grad
        waiting = [{} for _ in range(self.generation)]  # functions, by generation

        def put(func):
            if func is not None:
                waiting[func.generation][func] = True  # once, in the order they come

        put(self.creator)
        grads, taken = {self: gy}, {id(gy)}
        self.grad = None
        while waiting:
            for func in waiting.pop():
                gys = func.output_grads(grads, retain_grad)
                for x, gx in zip(func.inputs, func.gradients(gys)):
                    grads[x] = grads[x] + gx if x in grads else gx
                    put(x.creator)
        for x, gx in grads.items():  # what is left are the ends of the graph
            x.add_grad(gx, taken)

    def add_grad(self, gx, taken):
        """Add gx to the gradient; a copy, if its array may belong to others, too.

        That is so if it is a view, or if taken has its id.
        """
        gx = as_array(gx)
        if gx.base is not None or id(gx) in taken:
            gx = gx.copy()
        taken.add(id(gx))
        self.grad = as_array(gx if self.grad is None else self.grad + gx)


class Function:
    """Makes variables out of variables; what it computes is up to forward()."""

    inputs = None

    def __call__(self, *inputs):
        if self.inputs is not None:
            self = copy.copy(self)  # this one goes on remembering its own call
        xs, generation = [], 0
        for x in inputs:
            xs.append(x.data)
            if x.generation > generation:
                generation = x.generation
        self.inputs = inputs
        self.outputs = []
        self.generation = generation
        self.saved_inputs = xs
        ys = self.forward(*xs)
        if isinstance(ys, tuple):
            self.saved_outputs = ys
            return [self.make_output(y) for y in ys]
        self.saved_outputs = (ys,)
        return self.make_output(ys)

    def make_output(self, y):
        """The array y in a Variable that has this function as its creator."""
        if y is None:
            raise TypeError(f"{type(self).__name__}.forward gave None, not an array.")
        output = Variable(as_array(y))
        if Config.enable_backprop:
            output.set_creator(self)
            self.outputs.append(weakref.ref(output))
        return output

    def output_grads(self, grads, retain_grad):
        """The gradients of the outputs, taken out of grads; zeros for unused ones."""
        gys = []
        for output, saved in zip(self.outputs, self.saved_outputs):
            y = output()
            if y is None or y.creator is not self or y not in grads:
                gys.append(np.zeros_like(saved))
                continue
            gys.append(grads.pop(y))
            if retain_grad:
                y.add_grad(gys[-1], {id(gys[-1])})
        return gys

    def gradients(self, gys):
        """What backward() gives as a tuple: one gradient for each input."""
        gxs = self.backward(*gys)
        return gxs if isinstance(gxs, tuple) else (gxs,)

    def forward(self, *xs):
        """The array, or the tuple of arrays, this function makes out of xs."""
        raise NotImplementedError(f"{type(self).__name__} has no forward() yet.")

    def backward(self, *gys):
        """The gradients of the inputs, given gys, those of the outputs."""
        raise NotImplementedError(f"{type(self).__name__} has no backward() yet.")


class Add(Function):
    """x0 + x1."""

    def forward(self, x0, x1):
        return x0 + x1

    def backward(self, gy):
        return gy, gy


def add(x0, x1):
    """x0 + x1, element by element."""
    return Add()(x0, x1)


class Square(Function):
    """x ** 2."""

    def forward(self, x):
        return x**2

    def backward(self, gy):
        (x,) = self.saved_inputs
        return gy * (2 * x)


def square(x):
    """x ** 2, element by element."""
    return Square()(x)


class Exp(Function):
    """e ** x."""

    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        (y,) = self.saved_outputs
        return gy * y


def exp(x):
    """e ** x, element by element."""
    return Exp()(x)


def numerical_diff(f, x, eps=1e-4):
    """The slope of f at x, a Variable, by a central difference of width 2 eps."""
    y0 = f(Variable(as_array(x.data - eps)))
    y1 = f(Variable(as_array(x.data + eps)))
    return (y1.data - y0.data) / (2 * eps)


def along(f, xs, k):
    """f as a function of input number k alone; the others stay what they are in xs."""
    return lambda x: f(*xs[:k], x, *xs[k + 1 :])


def gradient_check(f, *xs, eps=1e-4, tolerance=1e-5):
    """True if backward() through f agrees with the numerical slopes at xs, Variables.

    Each element of f(*xs) must depend on the same element of each x alone. An
    AssertionError names the first element whose two slopes are further apart
    than the tolerance, relative to the numerical one.
    """
    xs = [Variable(x.data) for x in xs]
    f(*xs).backward()
    for k, x in enumerate(xs):
        slopes = numerical_diff(along(f, xs, k), x, eps)
        for i, slope in np.ndenumerate(slopes):
            found = 0.0 if x.grad is None else x.grad[i]
            if not abs(found - slope) < tolerance * (abs(slope) + 1e-3):
                raise AssertionError(
                    f"Input {k}, element {i}: backward() gives a slope of {found:.6g}, "
                    f"but the numerical slope is {slope:.6g}."
                )
    return True


# === demo ===


if __name__ == "__main__":
    x = Variable(np.array([1.0, 2.0, 3.0]))
    W = Variable(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), name="weights")
    y = square(Variable(np.array(3.0)))
    print("x =", x)
    print("y =", y)
    print(W)
    print(f"name {W.name}, shape {W.shape}, ndim {W.ndim}, size {W.size}")
    print(f"dtype {W.dtype}, length {len(W)}")
    print("in a list:", [x, y])
