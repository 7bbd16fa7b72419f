"""Which tests of steps do not apply to which later steps, and why.

A row names tests, single cases of a test, or files, which stand for all their tests.
What a later step lacks because it stood in a demo needs no row.
"""

BEHIND = 62  # the package counts as a step 61

NOT_ON = [
    (
        range(28, BEHIND),
        "later steps have another demo",
        [
            "test_step28",
            "test_step29",
            "test_step30",
            "test_step33::test_first_and_second_gives_both_derivatives_of_f",
            "test_step33::test_the_derivatives_at_the_start",
            "test_step33::test_both_are_those_of_this_call_alone",
            "test_step33::test_first_and_second_takes_any_function",
            "test_step33::test_newton_is_at_1_within_7_iterations",
            "test_step33::test_newton_ends_at_a_slope_of_zero_be_it_a_top",
            "test_step33::test_newton_takes_any_function",
            "test_step33::test_newton_refuses_what_has_no_second_derivative",
            "test_step33::test_the_variable_moves_but_not_the_array_handed_in",
            "test_step36::test_the_demo_slope_of_z_is_100",
            "test_step36::test_gradients_have_a_graph_and_are_taken_from_the_variables",
            "test_step36::test_network_and_its_slopes_are_the_recorded_ones",
            "test_step36::test_gradient_penalty_and_its_gradients_are_the_recorded_ones",
            "test_step36::test_gradient_check_passes_a_function_that_clears_its_inputs",
            "test_step36::test_gradient_penalty_is_zero_for_a_function_of_slope_1",
            "test_step36::test_improve_moves_the_weights_against_their_gradients",
            "test_step36::test_improve_again_and_again_leads_to_a_slope_of_1",
            "test_step51::test_the_demo_says_in_a_line_that_there_is_no_network",
            "test_step56::test_values_are_the_recorded_ones",
            "test_step56::test_the_arguments_may_stand_in_their_order",
            "test_step56::test_without_a_bias_nothing_is_added",
            "test_step56::test_the_images_of_a_batch_do_not_meet",
            "test_step56::test_padding_never_is_the_largest_but_counts_in_an_average",
            "test_step56::test_a_pool_moves_by_one_unless_told",
            "test_step56::test_pooling_forgives_a_small_move",
            "test_step56::test_a_kernel_that_does_not_fit_is_refused",
        ],
    ),
    (
        [11],
        "functions take and return lists",
        [
            "test_step02",
            "test_step03",
            "test_step04",
            "test_step06",
            "test_step07",
            "test_step08",
            "test_step09",
            "test_step10",
        ],
    ),
    (
        range(11, BEHIND),
        "a function has a list of inputs",
        ["test_step06::test_a_function_keeps_its_input"],
    ),
    (
        range(11, BEHIND),
        "a function has lists of inputs and outputs",
        ["test_step07::test_a_function_remembers_its_input_and_its_output"],
    ),
    (
        range(18, BEHIND),
        "the gradients in between are forgotten",
        ["test_step07::test_every_variable_on_the_way_gets_its_gradient"],
    ),
    (
        range(11, BEHIND),
        "a function called again remembers that call in a copy",
        ["test_step06::test_backward_belongs_to_the_last_call"],
    ),
    (
        range(18, BEHIND),
        "gradients under way are kept by the walk, not by the variables",
        ["test_step13::test_backward_is_given_the_gradient_of_each_output"],
    ),
    (
        range(8, BEHIND),
        "backward() is a loop",
        ["test_step07::test_a_chain_of_5000_goes_beyond_the_recursion_limit"],
    ),
    (
        range(12, BEHIND),
        "variables come and go without a list",
        [
            "test_step11::test_add_takes_a_list_of_two_and_returns_a_list_of_one",
            "test_step11::test_add_of_arrays_is_element_by_element",
            "test_step11::test_0_d_results_are_arrays",
            "test_step11::test_one_input_functions_take_and_return_lists_of_one",
            "test_step11::test_a_function_may_have_several_outputs",
            "test_step11::test_a_function_can_be_called_again",
            "test_step11::test_a_function_can_be_called_on_what_it_has_made",
            "test_step11::test_functions_of_one_go_on_from_a_sum",
        ],
    ),
    (
        range(13, BEHIND),
        "Add has a backward",
        ["test_step11::test_add_has_no_backward_yet"],
    ),
    (
        range(21, BEHIND),
        "None says: no gradient for this one",
        ["test_step13::test_none_for_one_of_the_inputs_is_an_error"],
    ),
    (range(16, BEHIND), "the order is right", ["test_step15"]),
    (
        range(37, BEHIND),
        "arrays and variables may be base and exponent",
        [
            "test_step22::test_a_variable_as_exponent_of_a_variable_is_refused",
            "test_step22::test_what_is_not_a_number_is_refused_as_exponent[array([2.])]",
            "test_step22::test_what_is_not_a_number_is_refused_as_base[array([2.])]",
        ],
    ),
    (
        range(52, BEHIND),
        "a section stands in front of core",
        ["test_step23::test_core_is_the_first_section"],
    ),
    (
        range(38, BEHIND),
        "the operators have moved to functions",
        ["test_step23::test_each_name_stands_in_its_section[core-rpow]"],
    ),
    (
        range(39, BEHIND),
        "one number stands for all elements",
        ["test_step10::test_one_wrong_element_is_caught_and_named"],
    ),
    (
        range(39, BEHIND),
        "derivative() gives the gradients of all inputs",
        [
            "test_step36::test_derivative_is_a_function_that_gives_the_gradient_to_one_input",
            "test_step36::test_derivative_can_be_differentiated",
            "test_step36::test_derivative_reads_none_as_zeros",
            "test_step36::test_derivative_starts_from_no_gradient_and_leaves_none",
        ],
    ),
]
