"""Step 3 · Chaining functions

Problem
We want y = (e^(x²))², and later its slope. Let us write a function for it, as
we learned in step 2:

    class Formula(Function):
        def forward(self, x):
            return np.exp(x**2) ** 2

For x = 0.5 it gives 1.648721, and that is right. (It could be shortened to
e^(2x²), but here we want its parts.) The trouble comes with the slope. With a
pencil we find that it is 4x e^(2x²). The next formula takes another class and
another evening with the pencil.

Idea
There is no end of formulas, but they are made of few parts. This one has only
two: squaring, and e to the power of something. Every table of derivatives has
their slopes, 2x and e^x.

So cut the formula up. A function takes a Variable and returns a Variable.
Therefore the output of one can be the input of the next:

         A          B           C
    x ------> a -------> b ---------> y
       a = x²    b = e^a     y = b²

    0.5      0.25     1.284025    1.648721

By hand: 0.5 · 0.5 = 0.25, then e^0.25 = 1.284, and at last
1.284 · 1.284 = 1.649. It is the same number as before, but now every value on
the way has a box. To differentiate the whole, it will be enough to know how to
differentiate each link. Step 5 shows why.

In the code
One link is missing:

    [Exp]

The demo makes A = Square(), B = Exp() and C = Square(), and calls one after
the other. A and C do the same thing, yet they are two objects, because from
step 6 on each remembers its input. Until then we may call them again, as the
demo does in C(B(A(x))).

The chain knows y. How fast does y grow if x grows? Step 4 measures it.

New:      Exp
Changed:  nothing
Removed:  nothing

Elsewhere
PyTorch runs each function of a chain at the moment it is called, as we do.
TensorFlow 1 first built the whole chain and ran it later. In both, a network
is a composition of small functions.

Watch out
The call that is written first runs last: in C(B(A(x))) it is A that comes
first.

Values grow quickly in such a chain. Where e^a is too large for a float, NumPy
gives inf and a warning, and the chain goes on with inf.

Try
1. Compute e^((x²)²) at 0.5 from the same functions.
2. Leave out A. Which well-known number is y now, and why?
3. Start from x = 30. Which link is the first to give inf?

Output
    x           0.500000
    a = x ** 2  0.250000
    b = e ** a  1.284025
    y = b ** 2  1.648721
    C(B(A(x)))  1.648721
    in NumPy    1.648721

Answers
1. Exp()(Square()(Square()(x))) gives e^0.0625 = 1.064494.
2. e = 2.718282. Squaring e^0.5 doubles the exponent, so y = e^1.
3. B. a = 900 is still harmless, but e^900 is beyond 1.8e308, the largest
   float64.
"""

import numpy as np


class Variable:
    """A box that holds an array as its data: the one it is given, not a copy."""

    def __init__(self, data):
        self.data = data


class Function:
    """Makes a variable out of a variable; what it computes is up to forward()."""

    def __call__(self, x):
        """The variable that this function makes out of the variable x."""
        return Variable(self.forward(x.data))

    def forward(self, x):
        """The array this function makes out of the array x.

        Each function has its own. This one raises NotImplementedError and names the
        class that has none.
        """
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
