"""Step 4 · Numerical differentiation

Problem
y = (e^(x²))² is 1.6487 at x = 0.5. If x grows a little, how fast does y
grow? The program can compute y; it has no idea of the slope.

Idea
The slope is the change of y divided by the change of x, for a change
eps that is as good as nothing. There are two ways to take it:

    forward     (f(x + eps) - f(x)) / eps
    central     (f(x + eps) - f(x - eps)) / (2 eps)

                              o          central joins the outer two
                                         points, forward the middle one
                    o                    and the right one
          o
    ------+---------+---------+------
       x - eps      x      x + eps

On a curve forward leans to one side: its error shrinks as eps does.
Central is balanced: its error shrinks as eps².

In the code
numerical_diff(f, x, eps=1e-4) calls f, from Variable to Variable, on two
new variables to either side of x, and returns the central difference of
their data. x stays as it is. All elements of x move at once: if f works
element by element, the result has the slope at each.
In the demo quartic(x) is x^4, forward_diff the forward difference, and
error_bar writes the worst error of many slopes and a # for each digit.

New:      numerical_diff
Changed:  nothing
Removed:  nothing

Elsewhere
Too slow to train with, right enough to test with: central differences
are what torch.autograd.gradcheck, jax.test_util.check_grads and
Chainer's gradient_check compare their gradients with.

Watch out
A smaller eps is not always better: in the end the two values of f differ
in their last digits only, and that is noise, about 1e-16, over eps.

Try
1. Which eps is the best for central, and which for forward? Why is the
   best error of central so much smaller?
2. Take numerical_diff(Square(), x, eps=0.1) at 2. Why is it right?
3. Make the points float32. Where does the noise take over?

Output
    slope of x^2 at 2            4.00000000
    slope of (e^(x^2))^2 at 0.5  3.29744263
    exactly                      3.29744254

    slope of x^4 between 0 and 1: the worst error, # = one right digit
    eps    forward           central
    1e-01  6e-01             4e-02  #
    1e-02  6e-02  #          4e-04  ###
    1e-03  6e-03  ##         4e-06  #####
    1e-04  6e-04  ###        4e-08  #######
    1e-05  6e-05  ####       4e-10  #########
    1e-06  6e-06  #####      2e-10  #########
    1e-07  6e-07  ######     2e-09  ########
    1e-08  9e-08  #######    2e-08  #######
    1e-09  3e-07  ######     2e-07  ######
    1e-10  2e-06  #####      1e-06  #####
    1e-11  2e-05  ####       1e-05  #####
    1e-12  4e-04  ###        2e-04  ###
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


def numerical_diff(f, x, eps=1e-4):
    """The slope of f at x, a Variable, by a central difference of width 2 eps."""
    y0 = f(Variable(x.data - eps))
    y1 = f(Variable(x.data + eps))
    return (y1.data - y0.data) / (2 * eps)


# === demo ===


def forward_diff(f, x, eps):
    """The slope of f at x, a Variable, by a forward difference."""
    return (f(Variable(x.data + eps)).data - f(x).data) / eps


def f(x):
    """(e^(x²))²."""
    return Square()(Exp()(Square()(x)))


def quartic(x):
    """x⁴."""
    return Square()(Square()(x))


def error_bar(slopes, exact):
    """The worst error, and a # for each digit after the point that is right."""
    error = np.abs(slopes - exact).max()
    return f"{error:.0e}  {'#' * int(-np.log10(error))}"


if __name__ == "__main__":
    two, half = Variable(np.array(2.0)), Variable(np.array(0.5))
    print(f"slope of x^2 at 2            {numerical_diff(Square(), two):.8f}")
    print(f"slope of (e^(x^2))^2 at 0.5  {numerical_diff(f, half):.8f}")
    print(f"exactly                      {2 * np.exp(0.5):.8f}")

    x = Variable(np.linspace(0, 1, 101))
    exact = 4 * x.data * x.data * x.data
    print("\nslope of x^4 between 0 and 1: the worst error, # = one right digit")
    print(f"eps    {'forward':<18}central")
    for k in range(1, 13):
        eps = float(f"1e-{k}")
        forward = error_bar(forward_diff(quartic, x, eps), exact)
        central = error_bar(numerical_diff(quartic, x, eps), exact)
        print(f"{eps:.0e}  {forward:<18}{central}")
