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
            ("along=along + 1), 0", "along=along + 1), dims[0]", "say where their batch axis is now"),
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
    8: [
        [
            ('("g(jnp.zeros(3))", False)', '("g(jnp.zeros(3))", True)', "Values are not in the key"),
            ('("g(jnp.ones(3), n=3)", True)', '("g(jnp.ones(3), n=3)", False)', "n is static"),
            ('("g(jnp.float32(1.0))", True)', '("g(jnp.float32(1.0))", False)', "they have two types"),
        ],
        [
            ("return structure, tuple", "return tuple", "the structure is missing"),
            ("(t.shape, str(t.dtype))", "(t.shape,)", "the dtype is missing"),
            ("return structure, tuple", "return structure, str(leaves), tuple", "values must not be in the key"),
        ],
    ],
    9: [
        [
            ("(pred, f_jvp, g_jvp, x, x_dot)", "(pred, g_jvp, f_jvp, x, x_dot)", "y where pred is True"),
            ("jax.jvp(f, (x,), (x_dot,))", "jax.jvp(f, (x,), (1.0,))", "That is the slope"),
            (
                "jax.lax.cond(pred, f_jvp, g_jvp, x, x_dot)",
                "[jnp.where(pred, a, b) for a, b in zip(f_jvp(x, x_dot), g_jvp(x, x_dot))]",
                "it runs both branches",
            ),
        ],
        [
            ("while jnp.any", "while jnp.all", "go on until all are"),
            ("jnp.where(cond(xs), body(xs), xs)", "body(xs)", "must keep its value"),
            ("while jnp.any(cond(xs)):", "if jnp.any(cond(xs)):", "That is one step"),
        ],
    ],
    10: [
        [
            ("jnp.maximum(x, 0.0) + jnp.log1p(jnp.exp(-jnp.abs(x)))", "jnp.log(1.0 + jnp.exp(x))", "Take it of -|x|"),
            ("jnp.log1p(jnp.exp(-jnp.abs(x)))", "jnp.log(1 + jnp.exp(-jnp.abs(x)))", "log1p knows it"),
            ("jnp.where(x >= 0, 1.0, e) / (1.0 + e)", "jnp.exp(x) / (1 + jnp.exp(x))", "infinity by infinity"),
        ],
        [
            ("jnp.sqrt(inside)", "jnp.sqrt(squared)", "Your where chooses between results"),
            ("jnp.where(is_zero, 0.0, jnp.sqrt(inside))", "jnp.sqrt(squared + 1e-6)", "Was a small number added?"),
            ("jnp.sqrt(inside))", "jax.lax.stop_gradient(jnp.sqrt(inside)))", "stops it everywhere"),
        ],
    ],
    11: [
        [
            ("= jax.checkpoint_policies.dots_saveable", "= jax.checkpoint_policies.everything_saveable", "keeps all"),
            ("= jax.checkpoint_policies.dots_saveable", "= jax.checkpoint_policies.nothing_saveable", "Keep it."),
            (
                "= jax.checkpoint_policies.dots_saveable",
                "= jax.checkpoint_policies.dots_with_no_batch_dims_saveable",
                "The product is one of a batch",
            ),
        ],
        [
            ("zip(reversed(segments), reversed(starts))", "zip(segments, starts)", "begin with the last one"),
            (
                "(lambda x, s=segment: run(s, x), start)[1](ct)",
                "(lambda x, s=segment: run(s, x), start)[1](jnp.ones_like(x))",
                "Only the first segment",
            ),
            (
                "def gradient(layers, x, every):\n",
                "def gradient(layers, x, every):\n    return jax.vjp(lambda x: run(layers, x), x)[1](jnp.ones_like(x))[0]\n",
                "Each layer ran once",
            ),
        ],
    ],
    12: [
        [
            ("jax.random.normal(noise_key", "jax.random.normal(data_key", "drawn with one key"),
            ("jax.random.normal(data_key", "jax.random.normal(key", "never both"),
            ("jax.random.normal(alpha_key", "jax.random.normal(jax.random.key(0)", "must come from the argument"),
        ],
        [
            ("jax.random.fold_in(key, i)", "key", "All steps are alike"),
            ("jax.random.fold_in(key, i)", "jax.random.fold_in(jax.random.key(1), i)", "the argument is not used"),
            ("jax.random.fold_in(key, i)", "jax.random.fold_in(key, i % 3)", "some keys are used again"),
        ],
    ],
    13: [
        [
            ('jax.lax.psum(weight * ct, "i")', "weight * ct", "the others' cotangents come back"),
            ("jax.lax.psum", "jax.lax.pmean", "The contributions of all copies add up"),
            ('jax.lax.psum(weight * ct, "i")', 'weight * jax.lax.psum(ct, "i")', "multiply before the psum"),
        ],
        [
            ('centred / jnp.sqrt(jax.lax.pmean(centred**2, "batch"))', "centred", "divide by its root"),
            ("pmean(centred**2", "pmean(x**2", "of what is centred"),
            ("pmean(centred**2", "psum(centred**2", "the variance is their mean"),
        ],
    ],
    14: [
        [
            (
                "        for j in range(1, k + 1):\n            term = add(term, mul(x[j], y[k - j]))\n",
                "        if k:\n            term = add(term, mul(x[k], y[0]))\n",
                "Products of the terms between",
            ),
            ("mul(1 / k, term)", "term", "divide by k"),
            ("mul(float(j), mul(x[j], y[k - j]))", "mul(x[j], y[k - j])", "the factor j is missing"),
        ],
        [
            ("2 * slope - old", "slope", "That is the plain step"),
            ("2 * slope - old", "2 * slope + old", "has the other sign"),
            ("moved(1, *a)", "moved(-1, *a)", "y raises f"),
        ],
    ],
    15: [
        [
            ("sys.getrefcount(self.kept[i]) == 2", "True", "that somebody holds"),
            (
                "self.kept.append(np.empty(self.shape))\n        return self.kept[-1]",
                "return np.empty(self.shape)",
                "was not used again",
            ),
            ("np.empty(self.shape)", "np.empty(len(self.shape))", "take returned an array of shape"),
        ],
        [
            (" and a.dtype == b.dtype", "", "compute in other digits"),
            ("a.keys() == b.keys() and ", "", "KeyError"),
            ("len(a) == len(b) and ", "", "one argument more"),
        ],
    ],
}
