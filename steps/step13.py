"""Step 13 · Many inputs and outputs (backward)

Problem
z = add(square(x), square(y)); z.backward() ends in
    NotImplementedError: Add has no backward() yet.
Giving Add one is not enough: backward() serves func.inputs[0] only, so
y.grad would stay None.

Idea
Backward, everything is the other way round. A function with two inputs
and one output gets one gradient there and hands out two:

    x0 --+                     gx0 <--+
         +--> Add --> y               +-- Add <-- gy
    x1 --+                     gx1 <--+

    y = x0 + x1    dy/dx0 = 1, dy/dx1 = 1    so gx0 = gx1 = gy

The two paths then go on separately: the list of functions to visit, of
which step 8 used one place only, now fills up.

In the code
Function.__call__ keeps what backward() needs: the list of the inputs'
arrays in saved_inputs, and what forward() gave, as a tuple, in
saved_outputs. Square.backward takes x from there; Exp.backward takes y,
which is e ** x already.
func.output_grads() lists the gradients of the outputs, with zeros for one
that was not used; backward(*gys) gets them. It returns a gradient for each
input: one alone bare, several as a tuple.
Add.backward(gy) returns gy, gy. Function.backward still raises
NotImplementedError; only its signature is new.
Function.gradients(gys) calls it and always returns a tuple.
Variable.backward() goes over all inputs with their gradients (zip) and puts
the creator of each into its list. A gradient that is a number becomes an
array.
gradient_check(f, *xs, eps=1e-4, tolerance=1e-5) compares the slopes along
one input after the other: along(f, xs, k) is f as a function of xs[k]
alone. An input that got no gradient has the slope 0. The message names the
input, too, from 0.

New:      Function.output_grads, Function.gradients, Add.backward, along
Changed:  Variable.backward, Function.__call__, Function.backward,
          Square.backward, Exp.backward, gradient_check
Removed:  nothing

Elsewhere
The same contract holds in PyTorch: Function.backward(ctx, *grad_outputs)
returns as many gradients as forward had inputs, or an error says
"returned an incorrect number of gradients". JAX's custom_vjp wants a
tuple from its backward pass, even for one input; we take it bare.

Watch out
add of shapes (3,) and (1,) works forward, because NumPy broadcasts, and
gives x1 a gradient of shape (3,): Add does not sum it yet. See step 40.
zip ends with the shorter of its lists: a backward() that forgets an input
leaves it without a gradient, silently. See step 24.
Where paths meet again, gradients are still wrong: see steps 14 to 16.

Try
1. Let Add.backward return gy, 2 * gy. Which line of the demo objects?
2. Add a third variable: z = x^2 + y^2 + w. What is w.grad?
3. Set z = add(x, x). What is x.grad, and what should it be?

Output
    z = x^2 + y^2   z = 13.0
    dz/dx = 2x      x.grad = 4.0
    dz/dy = 2y      y.grad = 6.0
    checked         True
"""

import copy

import numpy as np

NUMBERS = (int, float, np.number)


def as_array(x):
    """x as an array: an array stays itself, a number becomes a 0-d array.

    NUMBERS are the types of a number. Anything else is a TypeError that shows it.
    """
    if isinstance(x, np.ndarray):
        return x
    if isinstance(x, NUMBERS):
        return np.array(x)
    raise TypeError(f"Expected an array or a number, but got {x!r}.")


class Variable:
    """A box that holds an array, the very one it is given, as its data."""

    def __init__(self, data):
        """data is an array or None; a TypeError shows anything else, and what to do."""
        if data is not None and not isinstance(data, np.ndarray):
            raise TypeError(
                f"Variable holds a NumPy array, but got {data!r}. "
                f"Turn it into one first: np.array({data!r})."
            )
        self.data = data
        self.grad = None
        self.creator = None

    def set_creator(self, func):
        """Remember func as the creator, the function that made this variable."""
        self.creator = func

    def backward(self):
        """Give every variable this one was made from its gradient.

        It starts from self.grad, or from ones where that is None.
        """
        if self.grad is None:
            self.grad = np.ones_like(self.data)
        funcs = [self.creator]
        while funcs:
            func = funcs.pop()
            if func is not None:
                gys = func.output_grads()
                for x, gx in zip(func.inputs, func.gradients(gys)):
                    x.grad = as_array(gx)
                    funcs.append(x.creator)


class Function:
    """Makes variables out of variables; what it computes is up to forward()."""

    inputs = None

    def __call__(self, *inputs):
        """The variable made out of these; a list of them if forward gives a tuple.

        self.inputs and self.outputs keep both. Called again, it leaves that to a
        copy of itself, which is then the creator.
        """
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
        """The array y in a Variable made by this function, the last of its outputs.

        None is a TypeError that names the class: its forward() lacks a return.
        """
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
    """The slope of f at x, a Variable, by a central difference of width 2 eps.

    f takes a Variable and returns one. It is called twice, on new Variables whose
    elements are all moved by eps, down and up; x stays as it is. The slope is no
    Variable but what NumPy computes: an array, or a number for a 0-d x.
    """
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
    than tolerance * (abs(numerical slope) + 0.001), and says both. xs keep
    their gradients.
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


def sum_of_squares(x, y):
    """x ** 2 + y ** 2."""
    return add(square(x), square(y))


if __name__ == "__main__":
    x, y = Variable(np.array(2.0)), Variable(np.array(3.0))
    z = sum_of_squares(x, y)
    z.backward()
    print(f"z = x^2 + y^2   z = {z.data}")
    print(f"dz/dx = 2x      x.grad = {x.grad}")
    print(f"dz/dy = 2y      y.grad = {y.grad}")
    print(f"checked         {gradient_check(sum_of_squares, x, y)}")
