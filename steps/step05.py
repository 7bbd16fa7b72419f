"""Step 5 · The theory of backpropagation

Problem
numerical_diff runs the whole program twice for each input. With 1,000
inputs that is 2,000 runs for one gradient, and a neural network has
millions of inputs. How can one run be enough?

Idea
The chain rule. Each link of a chain has a local derivative, and the
derivative of the whole is their product. For links that take vectors to
vectors each local derivative is a matrix, the link's Jacobian:

          A         B         C
      x -----> a -----> b -----> y       dy/dx = C' B' A'
    (1000,)  (100,)   (10,)    (1,)

Take the product from either end. From the input side large matrices meet:

    C' (B' A')      B' A'     (10, 100) (100, 1000) -> (10, 1000)
                    C' ...    (1, 10)   (10, 1000)  -> (1, 1000)

From the output side there is one row throughout:

    (C' B') A'      C' B'     (1, 10)   (10, 100)   -> (1, 100)
                    ... A'    (1, 100)  (100, 1000) -> (1, 1000)

The result is the same; the work is not. A loss is one number and the
weights are many, so start at the output: one run forward and one walk
back give every derivative. That is backpropagation.

In the code
The demo is the program. Link(W) is the Function (W x) ** 2 for a matrix W;
its jacobian(x), at an array x, has dy_i / dx_j in row i and column j.
local_jacobians(links, x) runs a chain from the Variable x and lists
[A', B', C']. from_input_side and from_output_side take such a list and
return the product and the number of multiplications of numbers it took.
compare(*sizes) does all this with random links. numerical_diff moves all
inputs at once, so each of its slopes must be the sum of a row.

New:      nothing
Changed:  nothing
Removed:  nothing

Elsewhere
In JAX the two sides are jax.jacfwd and jax.jacrev; a Jacobian times one
column is jax.jvp, one row times a Jacobian jax.vjp. PyTorch's
backward() is the vjp; torch.func has all four under the same names.

Watch out
The local derivatives need the values of the forward run, the last one
first. So all are kept: that is what backpropagation pays for its speed.

Try
1. Give the chain as many inputs as outputs. Which side wins?
2. And for sizes 1000, 1000, 1000 and 1, by how much?

Output
    inputs: 1000, outputs: 1
      C', B', A'           (1, 10) (10, 100) (100, 1000)
      input side  C'(B'A') 1,010,000 multiplications
      output side (C'B')A'   101,000 multiplications
      the products agree   True
      and numerical_diff   True
    inputs: 1, outputs: 1000
      C', B', A'           (1000, 100) (100, 10) (10, 1)
      input side  C'(B'A')   101,000 multiplications
      output side (C'B')A' 1,010,000 multiplications
      the products agree   True
      and numerical_diff   True
"""

import numpy as np


class Variable:
    """A box that holds an array, the very one it is given, as its data."""

    def __init__(self, data):
        self.data = data


class Function:
    """Makes a variable out of a variable; what it computes is up to forward()."""

    def __call__(self, x):
        return Variable(self.forward(x.data))

    def forward(self, x):
        """The array this function makes out of the array x.

        Function has none: it raises NotImplementedError, naming the class of self.
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


def numerical_diff(f, x, eps=1e-4):
    """The slope of f at x, a Variable, by a central difference of width 2 eps.

    f takes a Variable and returns one. It is called twice, on new Variables whose
    elements are all moved by eps, down and up; x stays as it is.
    """
    y0 = f(Variable(x.data - eps))
    y1 = f(Variable(x.data + eps))
    return (y1.data - y0.data) / (2 * eps)


# === demo ===


class Link(Function):
    """(W x) ** 2 for a matrix W: from as many numbers as W has columns to its rows."""

    def __init__(self, W):
        self.W = W

    def forward(self, x):
        return (self.W @ x) ** 2

    def jacobian(self, x):
        """The local derivative at the array x: row i, column j is dy_i / dx_j."""
        return 2 * (self.W @ x)[:, None] * self.W


def local_jacobians(links, x):
    """The Jacobian of each link, in the order of the links, from one forward run."""
    jacobians = []
    for link in links:
        jacobians.append(link.jacobian(x.data))
        x = link(x)
    return jacobians


def from_input_side(jacobians):
    """C' (B' A') for A', B', C', and the number of multiplications it takes."""
    product, count = jacobians[0], 0
    for local in jacobians[1:]:
        count += local.shape[0] * local.shape[1] * product.shape[1]
        product = local @ product
    return product, count


def from_output_side(jacobians):
    """(C' B') A' for A', B', C', and the number of multiplications it takes."""
    product, count = jacobians[-1], 0
    for local in reversed(jacobians[:-1]):
        count += product.shape[0] * local.shape[0] * local.shape[1]
        product = product @ local
    return product, count


def compare(*sizes):
    """Multiply a chain through vectors of these sizes from either side, and print."""
    rng = np.random.default_rng(0)
    shapes = zip(sizes[1:], sizes)
    links = [Link(rng.standard_normal(shape) / shape[1] ** 0.5) for shape in shapes]
    x = Variable(rng.standard_normal(sizes[0]))
    jacobians = local_jacobians(links, x)
    forward, forward_count = from_input_side(jacobians)
    reverse, reverse_count = from_output_side(jacobians)
    slope = numerical_diff(lambda x: links[2](links[1](links[0](x))), x)

    print(f"inputs: {sizes[0]}, outputs: {sizes[-1]}")
    print("  C', B', A'          ", *(J.shape for J in reversed(jacobians)))
    print(f"  input side  C'(B'A') {forward_count:>9,} multiplications")
    print(f"  output side (C'B')A' {reverse_count:>9,} multiplications")
    print(f"  the products agree   {np.allclose(forward, reverse)}")
    print(f"  and numerical_diff   {np.allclose(reverse.sum(axis=1), slope)}")


if __name__ == "__main__":
    compare(1000, 100, 10, 1)
    compare(1, 10, 100, 1000)
