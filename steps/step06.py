"""Step 6 · Backpropagation by hand

Problem
Step 5 promised the slope from one run forward and one walk back. But it
multiplied whole Jacobians. For Square on three numbers, 1, 2 and 3, that is

    [2 0 0]
    [0 4 0]        slopes 2x, since the slope of x² is 2x
    [0 0 6]

It is nearly all zeros, since each output depends on one input only. On a
thousand numbers it would be a million slopes, and 999,000 of them zeros.

Idea
On the walk back we do not need the matrix itself. We need a row times the
matrix, and the zeros do nothing there:

                [2 0 0]
    [g0 g1 g2]  [0 4 0]  =  [2·g0  4·g1  6·g2]  =  g * 2x
                [0 0 6]

One multiplication for each element is enough. So let every function have a
second method, backward(). It is given the row for its output, and it returns
the row for its input.

Such a row is called a gradient. As in step 5, y is one number. The gradient of
a variable v is dy/dv. It says how fast y grows with each element of v. For our
chain at x = 0.5:

           A          B          C
      x ------> a ------> b ------> y
     0.5      0.25      1.284     1.649    .data, from left to right
    3.297 <-- 3.297 <-- 2.568 <---- 1      .grad, from right to left

    dy/dy  =  1                                y grows as fast as y
    dy/db  =  1     · 2b   =  1 · 2 · 1.284   =  2.568
    dy/da  =  2.568 · e^a  =  2.568 · 1.284   =  3.297
    dy/dx  =  3.297 · 2x   =  3.297 · 2 · 0.5 =  3.297

From top to bottom this is the product from the output side of step 5. Test one
line: move a from 0.25 to 0.251, and y grows by 0.0033.

In the code
This is what the box was for. It gets a place for the gradient, with None as
long as there is none:

    [Variable.__init__]

Now the backward() of Square. A first attempt:

    def backward(self, gy):
        return gy * 2 * x        which x?

gy is the row that arrives: the gradient of this function's output. x is the
one that forward() had, but that call is over. So the function must keep its
input in self.input. It keeps the Variable, not only the array in it. Step 7
will put a gradient into that input, and only the Variable has a place for one.

All calls go through Function.__call__(), so one line there is enough:

    [Function.__call__]

With x = self.input.data, the backward() of Square and that of Exp are as short
as the formulas:

    [Square.backward]

    [Exp.backward]

A class that has no backward() says so, as it does for forward():

    [Function.backward]

The demo calls backward() by hand, from C to A. The last line of the Output is
the slope of step 4, from two runs of f: 3.29744263. The right one is
3.29744254, and backward() gives it.

The three calls of backward() are the program written a second time, in
reverse. In step 7 the program finds that way by itself.

New:      Function.backward, Square.backward, Exp.backward
Changed:  Variable.__init__, Function.__call__
Removed:  nothing

Elsewhere
In PyTorch you write the same pair for a torch.autograd.Function, and keep the
input with ctx.save_for_backward(x). In JAX, jax.custom_vjp takes such a pair.

Watch out
A function remembers its last input only. Let A be one Square and y = A(A(x)),
which is x⁴. Start at 3: the first call makes 9, the second makes 81. On the
way back each call should use its own input, but A has kept only the 9:

    right    from 81: 2 · 9 = 18    from 9: 2 · 3 = 6     18 · 6  = 108
    with A   from 81: 2 · 9 = 18    from 9: 2 · 9 = 18    18 · 18 = 324

So make a new Square() for every call.

y.data and x.grad are NumPy numbers here, as in step 2.

Try
1. Why are a.grad and x.grad the same number? Start from x = 1.
2. Exchange the last two of the three calls of backward(). What happens?
3. Start from y.grad = 2. What becomes of the others?

Output
                .data       .grad
    y = b ** 2  1.64872127  1.00000000
    b = e ** a  1.28402542  2.56805083  = 1 * 2b
    a = x ** 2  0.25000000  3.29744254  = dy/db * e ** a
    x           0.50000000  3.29744254  = dy/da * 2x
    numerical_diff          3.29744263

Answers
1. They differ by the factor 2x, and at 0.5 that is 1. At x = 1 they are
   14.778112 and 29.556224.
2. A TypeError: a.grad is still None when A.backward(a.grad) needs it, and None
   cannot be multiplied.
3. Each is twice as large: 5.136102, 6.594885 and 6.594885. You get the
   gradients of 2y.
"""

import numpy as np


class Variable:
    """A box that holds an array as its data: the one it is given, not a copy."""

    def __init__(self, data):
        self.data = data
        self.grad = None


class Function:
    """Makes a variable out of a variable; what it computes is up to forward()."""

    def __call__(self, x):
        """The variable that this function makes out of the variable x.

        self.input keeps x: the Variable itself, not its array.
        """
        y = Variable(self.forward(x.data))
        self.input = x
        return y

    def forward(self, x):
        """The array this function makes out of the array x.

        Each function has its own. This one raises NotImplementedError and names the
        class that has none.
        """
        raise NotImplementedError(f"{type(self).__name__} has no forward() yet.")

    def backward(self, gy):
        """The gradient of the input, given gy, the gradient of the output.

        Each function has its own. This one raises NotImplementedError and names the
        class that has none.
        """
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
    elements are all moved by eps, down and up; x stays as it is. The slope is what
    NumPy computes, not a Variable: an array, or a number for a 0-d x.
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
