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
}
