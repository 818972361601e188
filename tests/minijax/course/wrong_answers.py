"""Typical wrong answers: {page: [for each exercise, (in the solution, put in its place, words of the message)]}"""

WRONG = {
    1: [
        [
            ("self.counts.get(name, 0) + 1", "1", "add one to what is there already"),
            (
                "        return self.parent.process(name, args, params)",
                "        self.parent.process(name, args, params)",
                "must return",
            ),
            ("self.counts[name] = self.counts.get(name, 0) + 1", "pass", "Nothing is counted"),
        ],
        [
            ('"jax.grad(f)(x)": 1', '"jax.grad(f)(x)": 2', "Backwards it walks over what is written"),
            ('"jax.vmap(f)(xs)": 1', '"jax.vmap(f)(xs)": 3', "once for all examples"),
            ('g(0.7)": 1', 'g(0.7)": 2', "runs the program it has"),
        ],
    ],
    2: [
        [
            ("t / (1 + jnp.abs(x)) ** 2", "1 / (1 + jnp.abs(x)) ** 2", "the slope times the tangent"),
            ("(1 + jnp.abs(x)) ** 2", "(1 + jnp.abs(x))", "squared in the derivative"),
            ("(1 + jnp.abs(x)) ** 2", "(1 + x) ** 2", "It is |x|, not x"),
        ],
        [
            ('"cube": "jvp"', '"cube": "batch"', "the derivative of x³"),
            ('"push": "transpose"', '"push": "jvp"', "its inverse"),
            ('"last": "batch"', '"last": "abstract_eval"', "Where the batch axis is the last one"),
        ],
    ],
    3: [
        [
            ("add(by_numerator, neg(by_denominator))", "add(by_numerator, by_denominator)", "has a minus sign"),
            ("return add(by_numerator, neg(by_denominator))", "return by_numerator", "The denominator moves, too"),
            ("mul(x[1], x[1])", "x[1]", "not -1 / y"),
        ],
        [
            (" and x.tag == tag", "", "took the outer x's tangent"),
            ("return x.primal, x.tangent", "return x.primal, x.primal", "a tangent, not the primal"),
            ("return x.primal, x.tangent", "return x.primal, 0.0", "must find its own tangent"),
        ],
    ],
    4: [
        [
            ('"jaxpr" in eqn.params', "False", "an equation that carries a jaxpr"),
            ("counts.get(name, 0) + 1", "1", "add one to what counts has"),
            ("    values.update(zip(jaxpr.constvars, closed_jaxpr.consts))\n", "", "closes over an array"),
        ],
        [
            ("kept[::-1]", "kept", "turn them round"),
            ("needed.update(x for x in equation.args if isinstance(x, Var))", "pass", "what a kept equation reads"),
            ("if equation.out in needed", "if True", "Walk from the result backwards"),
        ],
    ],
    5: [
        [
            ("shift=-shift", "shift=shift", "comes back from there"),
            ("roll_p.bind(ct, shift=-shift)", "ct[::-1]", "undoes no order"),
            ("roll_p.bind(ct, shift=-shift)", "ct", "it has to move"),
        ],
        [
            ("unknown.add(equation.out)", "pass", "also through other equations"),
            ("return now, later", "return later, now", "the other way round"),
            (
                "            now.append(equation)",
                "            later.append(equation)",
                "does not depend on the unknown",
            ),
        ],
    ],
    6: [
        [
            ("along=along + 1", "along=along", "The axis `along` of an example is another one"),
            ("jnp.moveaxis(args[0], dims[0], 0)", "args[0]", "move it there"),
            ("along=along + 1), 0", "along=along + 1), dims[0]", "say where the batch axis is now"),
        ],
        [
            (
                "jax.vmap(jax.grad(loss), in_axes=(None, 0, 0))(params, xs, ys)",
                "jax.grad(lambda p: jax.vmap(loss, (None, 0, 0))(p, xs, ys).sum())(params)",
                "the gradient of a sum",
            ),
            ("(None, 0, 0)", "(None, 0, None)", "Each example got all of ys"),
            ("jax.grad(loss)", "jax.grad(loss, 1)", "not a dict like params"),
        ],
    ],
    7: [
        [
            (
                "(self.alpha, self.bias), self.bounds",
                "(self.alpha, self.bias, self.bounds), None",
                "they belong to aux_data",
            ),
            ("cls(*children, aux_data)", "cls(*reversed(children), aux_data)", "in the order that you gave"),
            ("cls(*children, aux_data)", "cls(*children, None)", "carries them from tree_flatten"),
        ],
        [
            ("for key in sorted(tree) for leaf", "for key in tree for leaf", "sort the keys"),
            ("    if tree is None:\n        return []\n", "", "None is among the leaves"),
            ("type(tree)(build(item) for item in tree)", "[build(item) for item in tree]", "A tuple became a list"),
        ],
    ],
}
