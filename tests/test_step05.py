"""Step 5: a chain of Jacobians, multiplied from either side."""

import numpy as np
import pytest

SIZES = [(4, 3, 2, 1), (1, 2, 3, 4), (3, 5, 2, 4), (2, 2, 2, 2)]


def random_links(step, sizes):
    rng = np.random.default_rng(5)
    shapes = zip(sizes[1:], sizes)
    return [step.Link(rng.standard_normal(shape)) for shape in shapes]


def random_jacobians(sizes):
    rng = np.random.default_rng(6)
    return [rng.standard_normal(shape) for shape in zip(sizes[1:], sizes)]


def product_in_loops(left, right):
    """left @ right in plain loops, and the number of multiplications done."""
    out, count = np.zeros((len(left), len(right[0]))), 0
    for i in range(len(left)):
        for j in range(len(right[0])):
            for k in range(len(right)):
                out[i, j] += left[i, k] * right[k, j]
                count += 1
    return out, count


def slopes(f, x, eps=1e-5):
    """The Jacobian of f, from array to array, one central difference a column."""
    moves = eps * np.eye(len(x))
    return np.stack([(f(x + m) - f(x - m)) / (2 * eps) for m in moves], axis=1)


def test_a_link_is_the_square_of_a_product(step):
    link = step.Link(np.array([[1.0, 2.0], [3.0, -1.0], [0.0, 1.0]]))
    y = link(step.Variable(np.array([1.0, 4.0])))
    assert y.data.tolist() == [81, 1, 16]


@pytest.mark.parametrize("shape", [(1, 3), (3, 1), (2, 4)])
def test_the_jacobian_of_a_link_is_its_slope(step, shape):
    rng = np.random.default_rng(1)
    link = step.Link(rng.standard_normal(shape))
    x = rng.standard_normal(shape[1])
    jacobian = link.jacobian(x)
    assert jacobian.shape == shape
    np.testing.assert_allclose(jacobian, slopes(link.forward, x), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("sizes", SIZES)
def test_each_jacobian_is_taken_where_the_forward_run_passes(step, sizes):
    links = random_links(step, sizes)
    x = np.random.default_rng(2).standard_normal(sizes[0])
    jacobians = step.local_jacobians(links, step.Variable(x))
    assert len(jacobians) == 3
    for link, jacobian in zip(links, jacobians):
        np.testing.assert_allclose(jacobian, link.jacobian(x))
        x = link.forward(x)


@pytest.mark.parametrize("sizes", SIZES)
def test_the_product_is_the_slope_of_the_whole_chain(step, sizes):
    A, B, C = links = random_links(step, sizes)
    x = np.random.default_rng(3).standard_normal(sizes[0])
    jacobians = step.local_jacobians(links, step.Variable(x))
    right = slopes(lambda x: C.forward(B.forward(A.forward(x))), x, eps=1e-6)
    tolerance = 1e-6 * np.abs(right).max()
    for multiply in (step.from_input_side, step.from_output_side):
        product, _ = multiply(jacobians)
        np.testing.assert_allclose(product, right, rtol=1e-5, atol=tolerance)


@pytest.mark.parametrize("sizes", SIZES)
def test_the_multiplications_are_counted_rightly(step, sizes):
    A, B, C = jacobians = random_jacobians(sizes)
    BA, first = product_in_loops(B, A)
    CBA, second = product_in_loops(C, BA)
    product, count = step.from_input_side(jacobians)
    np.testing.assert_allclose(product, CBA)
    assert count == first + second

    CB, first = product_in_loops(C, B)
    CBA, second = product_in_loops(CB, A)
    product, count = step.from_output_side(jacobians)
    np.testing.assert_allclose(product, CBA)
    assert count == first + second


@pytest.mark.parametrize(
    "sizes, input_side, output_side",
    [
        ((1000, 100, 10, 1), 1_010_000, 101_000),
        ((1, 10, 100, 1000), 101_000, 1_010_000),
        ((50, 50, 50, 50), 250_000, 250_000),
    ],
    ids=["one output", "one input", "as many outputs as inputs"],
)
def test_the_side_with_one_number_is_cheaper(step, sizes, input_side, output_side):
    jacobians = random_jacobians(sizes)
    assert step.from_input_side(jacobians)[1] == input_side
    assert step.from_output_side(jacobians)[1] == output_side


def test_a_chain_of_one_link_needs_no_multiplication(step):
    (jacobian,) = random_jacobians((3, 2))
    for multiply in (step.from_input_side, step.from_output_side):
        product, count = multiply([jacobian])
        np.testing.assert_array_equal(product, jacobian)
        assert count == 0
