"""Step 15 · Complex graphs: why order matters

Problem
y = (x²)² + (x²)² at x = 2 gives x.grad = 96. But y = 2x⁴, so it must be
8x³ = 64. Each function is right, and gradients add up; what is wrong?

Idea
Name the four functions and look at the order in which backward() calls
them:

                    +--> Q --> b --+
    x --> P --> a --+              +--> S --> y
                    +--> R --> c --+

The loop takes the function that was put in last: S, R, P, Q, P. When P
is called first, only the gradient through R has reached a; the one
through Q is still to come. P passes on half of a.grad, and when Q has
brought the rest, P is called again and passes on all of it:

    32 (too early) + 64 (late, but complete) = 96

Calling P only once, but too early, gives 32. The rule that gives 64:

    call a function only when everything that uses its output was called

Here P has to be last. Which of Q and R is first does not matter.

In the code
The framework stays as it is. The demo has functions of its own: graph(x)
builds the picture above and returns y and a dict from the four names to
the functions; order_of_calls(x) runs backward() and returns the names in
the order of the calls; by_hand(x, order) calls the functions in an order
of your own, such as "SRQP", and returns a row (name, a.grad, x.grad) for
each call. Both leave the result in x.grad.

New:      nothing
Changed:  nothing
Removed:  nothing

Elsewhere
PyTorch counts first how many functions wait to give each function a
gradient, and calls it when none is left. JAX needs no search: it writes
calculations down in the order they run, and goes through the list backwards.

Watch out
A wrong order does not fail, it gives a wrong number: compare with
numerical_diff() when a graph branches and comes together again.

Try
1. Which orders of P, Q, R and S run at all? What does by_hand say to PSRQ?
2. Change add(b, c) in graph() to add(c, b). What changes, and what doesn't?
3. Feed y into a second graph of this shape. How often is x's P called?

Output
    y = 32.0, dy/dx = 8 x^3 = 64.0
    backward() calls S R P Q P: x.grad = 96.0
    by hand, call by call: S R P Q P
        S   a.grad = None   x.grad = None
        R   a.grad = 8.0    x.grad = None
        P   a.grad = 8.0    x.grad = 32.0
        Q   a.grad = 16.0   x.grad = 32.0
        P   a.grad = 16.0   x.grad = 96.0
    by hand, call by call: S R Q P
        S   a.grad = None   x.grad = None
        R   a.grad = 8.0    x.grad = None
        Q   a.grad = 16.0   x.grad = None
        P   a.grad = 16.0   x.grad = 64.0
    by hand, P once but too early: x.grad = 32.0
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


def graph(x):
    """y = (x ** 2) ** 2 + (x ** 2) ** 2, and its functions by name."""
    a = square(x)
    b, c = square(a), square(a)
    y = add(b, c)
    return y, {"P": a.creator, "Q": b.creator, "R": c.creator, "S": y.creator}


def noted(name, backward, calls):
    """backward, but each call of it adds the name to the list of calls."""

    def noting(*gys):
        calls.append(name)
        return backward(*gys)

    return noting


def order_of_calls(x):
    """Run backward() through the graph of x; the names in the order of the calls."""
    calls = []
    y, funcs = graph(x)
    for name, func in funcs.items():
        func.backward = noted(name, func.backward, calls)
    y.backward()
    return calls


def by_hand(x, order):
    """Call the functions in this order; a row (name, a.grad, x.grad) for each call."""
    rows = []
    y, funcs = graph(x)
    (a,) = funcs["Q"].inputs
    y.grad = np.ones_like(y.data)
    for name in order:
        gys = [output.grad for output in funcs[name].outputs]
        for v, gv in zip(funcs[name].inputs, funcs[name].gradients(gys)):
            v.grad = gv if v.grad is None else as_array(v.grad + gv)
        rows.append((name, a.grad, x.grad))
    return rows


if __name__ == "__main__":
    x = Variable(np.array(2.0))
    y, funcs = graph(x)
    print(f"y = {y.data}, dy/dx = 8 x^3 = {8 * x.data**3}")
    calls = order_of_calls(x)
    print(f"backward() calls {' '.join(calls)}: x.grad = {x.grad}")
    for order in ("SRPQP", "SRQP"):
        print(f"by hand, call by call: {' '.join(order)}")
        for name, ga, gx in by_hand(Variable(np.array(2.0)), order):
            print(f"    {name}   a.grad = {ga!s:5}  x.grad = {gx}")
    x.cleargrad()
    by_hand(x, "SRPQ")
    print(f"by hand, P once but too early: x.grad = {x.grad}")
