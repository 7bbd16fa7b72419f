"""Step 14 · One variable used twice

Problem
y = add(x, x) gives x.grad = 1, but y is 2x, so it must be 2. Step 13
writes a gradient into x each time one arrives, and the second arrival
wipes out the first.

Idea
If x reaches y along several paths, a small change of x comes through on
each of them. The gradients of the paths add up:

    x --+--> add --> y        dy/dx = 1 + 1 = 2
        |     |
        +-----+

In the code
Variable.backward() stores the first gradient that arrives at a variable
and adds each later one to what is there, as a new array (by as_array:
the sum of two 0-d arrays is a number). So a variable that is used in a
second calculation still holds the gradient of the first, and adds to it;
Variable.cleargrad() sets grad back to None.

New:      Variable.cleargrad
Changed:  Variable.backward
Removed:  nothing

Elsewhere
PyTorch adds into .grad for the same reason, which is why every training
loop there calls optimizer.zero_grad(). JAX has nothing to clear: jax.grad
is a function that returns a new value each time.

Watch out
Write x.grad = x.grad + gx, not x.grad += gx. Add hands the very array of
y.grad to both inputs, and += would change it for everyone who holds it:
y.grad would become 2, too.

Clear x and build the graph again: a second y.backward() on the old one
also adds to the variables in between. (x²)² at 2 gives 32, then 96, not 64.

Adding up is enough where the paths leave from x itself. Where they part
and meet again in between, a function is visited too early, or twice; so is
one with two outputs in use. See steps 15 and 16.

Try
1. Before running: what is x.grad for add(add(x, x), add(x, x))?
2. Add with x.grad += gx in backward(). What is x.grad for (x + x) + x?
3. Leave out the x.cleargrad() between the first two graphs. Where does
   each number come from?

Output
    y = x + x               x.grad = 2.0   y.grad = 1.0
    y = (x + x) + x         x.grad = 3.0   y.grad = 1.0
    y = x + x, not cleared  x.grad = 5.0
    y = x^2 + x at 3        x.grad = 7.0
"""

import copy

import numpy as np

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

    def __init__(self, data):
        if data is not None and not isinstance(data, np.ndarray):
            raise TypeError(
                f"Variable holds a NumPy array, but got {data!r}. "
                f"Turn it into one first: np.array({data!r})."
            )
        self.data = data
        self.grad = None
        self.creator = None

    def set_creator(self, func):
        """Remember the function that made this variable."""
        self.creator = func

    def cleargrad(self):
        """Forget the gradient, before the variable is used in a new calculation."""
        self.grad = None

    def backward(self):
        """Give every variable this one was made from its gradient."""
        if self.grad is None:
            self.grad = np.ones_like(self.data)
        funcs = [self.creator]
        while funcs:
            func = funcs.pop()
            if func is not None:
                gys = func.output_grads()
                for x, gx in zip(func.inputs, func.gradients(gys)):
                    x.grad = as_array(gx if x.grad is None else x.grad + gx)
                    funcs.append(x.creator)


class Function:
    """Makes variables out of variables; what it computes is up to forward()."""

    inputs = None

    def __call__(self, *inputs):
        if self.inputs is not None:
            self = copy.copy(self)  # this one goes on remembering its own call
        xs = [x.data for x in inputs]
        self.inputs = inputs
        self.outputs = []
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
        output.set_creator(self)
        self.outputs.append(output)
        return output

    def output_grads(self):
        """The gradients of the outputs: zeros for one that was not used."""
        gys = []
        for y in self.outputs:
            gys.append(np.zeros_like(y.data) if y.grad is None else y.grad)
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
    x = Variable(np.array(3.0))
    y = add(x, x)
    y.backward()
    print(f"y = x + x               x.grad = {x.grad}   y.grad = {y.grad}")

    x.cleargrad()
    y = add(add(x, x), x)
    y.backward()
    print(f"y = (x + x) + x         x.grad = {x.grad}   y.grad = {y.grad}")

    y = add(x, x)
    y.backward()
    print(f"y = x + x, not cleared  x.grad = {x.grad}")

    x.cleargrad()
    y = add(square(x), x)
    y.backward()
    print(f"y = x^2 + x at 3        x.grad = {x.grad}")
