"""Step 6 · Backpropagation by hand

Problem
numerical_diff gives 3.29744263 for the slope of (e^(x²))² at 0.5, and
the slope is 3.29744254: wrong from the eighth digit on. And every
input costs two more runs of the program.

Idea
Go through the chain once more, from y back to x, and multiply by one
local derivative at each function. The value and its gradient, dy/d of
that variable, stand side by side:

           A          B          C
      x ------> a ------> b ------> y
      |         |         |         |      .data, from left to right
    dy/dx <-- dy/da <-- dy/db <-- dy/dy    .grad, from right to left
         * 2x      * e^a     * 2b      = 1

In the code
A new Variable has an attribute grad, None until a gradient is put there.
Function.__call__ keeps its input, the Variable, as self.input: the local
derivative depends on its value. Function.backward(gy) takes gy, the
gradient of the output, and returns that of the input; both are arrays.
In Function itself it raises NotImplementedError, with the name of the
class. Square's is gy times 2x, Exp's is gy times e^x.

New:      Function.backward, Square.backward, Exp.backward
Changed:  Variable.__init__, Function.__call__
Removed:  nothing

Elsewhere
Each framework has such pairs of forward and backward. In PyTorch's
torch.autograd.Function, self.input becomes ctx.save_for_backward(x).
In JAX you write the pair yourself with jax.custom_vjp.

Watch out
A function remembers its last input only. After A(A(x)) the first one is
lost, and the gradient is wrong without a word: make a new Square() for
every call. And backward() before the first call finds no input at all.

Try
1. Why are a.grad and x.grad the same number? Start from x = 1.
2. Exchange the last two lines of the backward pass. What happens?
3. Start from y.grad = 2. What becomes of the others?

Output
                .data       .grad
    y = b ** 2  1.64872127  1.00000000
    b = e ** a  1.28402542  2.56805083  = 1 * 2b
    a = x ** 2  0.25000000  3.29744254  = dy/db * e ** a
    x           0.50000000  3.29744254  = dy/da * 2x
    numerical_diff          3.29744263
"""

import numpy as np


class Variable:
    """A box that holds an array, the very one it is given, as its data."""

    def __init__(self, data):
        self.data = data
        self.grad = None


class Function:
    """Makes a variable out of a variable; what it computes is up to forward()."""

    def __call__(self, x):
        y = Variable(self.forward(x.data))
        self.input = x
        return y

    def forward(self, x):
        """The array this function makes out of the array x.

        Function has none: it raises NotImplementedError, naming the class of self.
        """
        raise NotImplementedError(f"{type(self).__name__} has no forward() yet.")

    def backward(self, gy):
        """The gradient of the input, given gy, the gradient of the output."""
        raise NotImplementedError(f"{type(self).__name__} has no backward() yet.")


class Square(Function):
    """x ** 2."""

    def forward(self, x):
        return x**2

    def backward(self, gy):
        x = self.input.data
        return gy * 2 * x


class Exp(Function):
    """e ** x."""

    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        x = self.input.data
        return gy * np.exp(x)


def numerical_diff(f, x, eps=1e-4):
    """The slope of f at x, a Variable, by a central difference of width 2 eps.

    f takes a Variable and returns one. It is called twice, on new Variables whose
    elements are all moved by eps, down and up; x stays as it is.
    """
    y0 = f(Variable(x.data - eps))
    y1 = f(Variable(x.data + eps))
    return (y1.data - y0.data) / (2 * eps)


# === demo ===


def f(x):
    """(e^(x²))²."""
    return Square()(Exp()(Square()(x)))


if __name__ == "__main__":
    A, B, C = Square(), Exp(), Square()
    x = Variable(np.array(0.5))
    a = A(x)
    b = B(a)
    y = C(b)

    y.grad = np.array(1.0)
    b.grad = C.backward(y.grad)
    a.grad = B.backward(b.grad)
    x.grad = A.backward(a.grad)

    print("            .data       .grad")
    print(f"y = b ** 2  {y.data:.8f}  {y.grad:.8f}")
    print(f"b = e ** a  {b.data:.8f}  {b.grad:.8f}  = 1 * 2b")
    print(f"a = x ** 2  {a.data:.8f}  {a.grad:.8f}  = dy/db * e ** a")
    print(f"x           {x.data:.8f}  {x.grad:.8f}  = dy/da * 2x")
    print(f"numerical_diff          {numerical_diff(f, x):.8f}")
