"""Step 3 · Chaining functions

Problem
Square alone makes x², x⁴, x⁸ and so on, but never e^(x²). And a formula
in one line of NumPy gives a number and leaves no trace of how:

    np.exp(0.5**2) ** 2      1.648721...  and nothing to go back over

Idea
A function takes a Variable and returns a Variable, so the output of one
can be the input of the next. A long formula is a chain of small
functions, each with a result of its own:

    y = (e^(x²))²

         A          B          C
    x -----> a -------> b -------> y
       a = x²    b = e^a    y = b²

To differentiate the whole, it will be enough to know how to
differentiate each link. That is why the formula is cut up.

In the code
Exp is a Function; its forward(x) returns e to the power of x, element
by element.

New:      Exp
Changed:  nothing
Removed:  nothing

Elsewhere
PyTorch runs each function of a chain when it is called, as here. JAX
does so too, until jax.jit compiles the chain into one piece, in which a
and b need not exist. TensorFlow 1 built the chain first and ran it
later. In all of them a network is small functions put together.

Watch out
The call that is written first runs last: in C(B(A(x))), A comes first.

Try
1. Compute e^((x²)²) from the same three functions.
2. Leave out A. Which well-known number is y now, and why?
3. Start from x = 30. Which link is the first to give inf?

Output
    x           0.500000
    a = x ** 2  0.250000
    b = e ** a  1.284025
    y = b ** 2  1.648721
    C(B(A(x)))  1.648721
    in NumPy    1.648721
"""

import numpy as np


class Variable:
    """A box that holds an array."""

    def __init__(self, data):
        self.data = data


class Function:
    """Makes a variable out of a variable; what it computes is up to forward()."""

    def __call__(self, x):
        return Variable(self.forward(x.data))

    def forward(self, x):
        """The array this function makes out of the array x."""
        raise NotImplementedError(f"{type(self).__name__} has no forward() yet.")


class Square(Function):
    """x ** 2."""

    def forward(self, x):
        return x**2


class Exp(Function):
    """e ** x."""

    def forward(self, x):
        return np.exp(x)


# === demo ===


if __name__ == "__main__":
    A = Square()
    B = Exp()
    C = Square()

    x = Variable(np.array(0.5))
    a = A(x)
    b = B(a)
    y = C(b)

    print(f"x           {x.data:.6f}")
    print(f"a = x ** 2  {a.data:.6f}")
    print(f"b = e ** a  {b.data:.6f}")
    print(f"y = b ** 2  {y.data:.6f}")
    print(f"C(B(A(x)))  {C(B(A(x))).data:.6f}")
    print(f"in NumPy    {np.exp(0.5**2) ** 2:.6f}")
